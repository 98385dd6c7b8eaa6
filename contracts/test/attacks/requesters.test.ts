/** What requesters did to workers on other networks, and what it gets them here. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Hex } from "viem";

import { domain, TYPES } from "../../scripts/typed-data.ts";
import { CAPACITY, type Disputes, openDisputes, type Papers, STAKE } from "../support/disputes.ts";
import { freshEach } from "../support/fresh.ts";
import { DAY, ESCROW, INPUT, JOY, MODEL, MODEL_FEE, people, PRICE } from "../support/market.ts";

const EARNED = (PRICE * 99n) / 100n;
const requester = { account: people.requester.address };

describe("attacks on workers", () => {
  let poi: Disputes["proofOfInference"];
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];

  const market = freshEach(openDisputes, () => {
    ({ proofOfInference: poi, nodeCoordinator: nodes } = market);
    assertions = market.viem.assertions;
  });

  const reasons = async (call: Promise<Hex>) =>
    (await market.settledBy(await call)).skipped.map(({ reason }) => reason);

  it("withheld finish: a requester that goes silent with the answer cannot keep the worker from its pay", async () => {
    const { args } = await market.prove([await market.award()]);
    const { settled } = await market.settledBy(await poi.write.settleBatch(args, market.from(people.worker)));
    assert.equal(settled.length, 1);
    assert.equal(await market.joyOf(people.worker), EARNED);
  });

  it("withheld award: signed for a good bid, never sent, and reported: the report itself hands it over", async () => {
    const papers = await market.papers();
    await market.passDeadline(papers);
    const hash = await market.reportMissed(papers);
    const { input } = await (await market.viem.getPublicClient()).getTransaction({ hash });
    assert.ok(input.includes(papers.awardSignature.slice(2)), "the award is in the transaction");
    assert.ok(input.includes(INPUT.slice(2)), "and so is the input");
    const { args } = await market.prove([papers.award]);
    await poi.write.settleBatch(args, market.from(people.worker));
    assert.equal(await market.joyOf(people.worker), EARNED);
    assert.equal(await market.stakeOf(people.worker), STAKE);
  });

  it("poisoned input: what nobody can run costs the worker no stake and the requester its time", async () => {
    const papers = await market.papers();
    await market.passDeadline(papers);
    await market.reportMissed(papers);
    await market.networkHelpers.time.increase(2n * DAY + 1n);
    await market.closeReport(papers);
    assert.equal(await market.stakeOf(people.worker), STAKE);
  });

  it("hoarded bids: bids kept for years cannot be turned into more work than the worker takes at once", async () => {
    const all: Papers[] = [];
    for (let nonce = 0n; nonce < 4n; ++nonce) all.push(await market.papers({ offer: { nonce } }));
    await market.passDeadline(all.at(-1)!);
    for (const papers of all.slice(0, CAPACITY)) await market.reportMissed(papers);
    for (const papers of all.slice(CAPACITY)) {
      await assertions.revertWithCustomError(market.reportMissed(papers), nodes, "TooManyReports");
    }
  });

  it("unpaid work: escrow cannot be withdrawn before the award that it covers has run out", async () => {
    const papers = await market.papers({ offer: { settleDeadline: (await market.now()) + DAY } });
    await poi.write.requestWithdrawal([ESCROW], requester);
    await market.networkHelpers.time.increaseTo(papers.award.settleDeadline - 2n);
    await assertions.revertWithCustomError(poi.write.withdraw(requester), poi, "WithdrawalNotDue");
    const { args } = await market.prove([papers.award]);
    assert.deepEqual(await reasons(poi.write.settleBatch(args)), []);
    assert.equal(await market.joyOf(people.worker), EARNED);
  });

  it("unpaid work: a worker that looks sees that a withdrawal is on its way", async () => {
    await poi.write.requestWithdrawal([ESCROW - 1n], requester);
    assert.equal(await poi.read.freeEscrow([people.requester.address]), 1n);
  });

  it("over-commitment: awards for more than the escrow cost the bond, which goes to the workers", async () => {
    const bond = 10n * JOY;
    await market.joyToken.write.approve([nodes.address, bond], requester);
    await nodes.write.bond([bond], requester);
    const awards = [];
    for (let nonce = 0n; nonce < 3n; ++nonce) awards.push(await market.award({ price: 40n * JOY, nonce }));
    const signatures = await Promise.all(
      awards.map((award) => people.requester.sign({ hash: market.digestOf("Award", award) })),
    );
    await nodes.write.reportOvercommitted([awards, signatures], market.from(people.worker));
    // Rounded down for each award.
    assert.equal(await market.joyOf(people.worker), 3n * (bond / 2n / 3n));
  });

  it("draining: an accomplice's award spends the escrow first, and the bond pays for it", async () => {
    const bond = 10n * JOY;
    await market.joyToken.write.approve([nodes.address, bond], requester);
    await nodes.write.bond([bond], requester);
    const papers = await market.papers();
    const accomplice = await market.award({ nonce: 50n, worker: people.stranger.address, price: ESCROW - MODEL_FEE });
    await market.settle([accomplice]);
    const { args } = await market.prove([papers.award]);
    assert.deepEqual(await reasons(poi.write.settleBatch(args)), ["InsufficientEscrow"]);
    await nodes.write.reportOvercommitted([[papers.award], [papers.awardSignature]], market.from(people.worker));
    assert.equal(await market.joyOf(people.worker), bond / 2n);
  });

  it("expired ticket: an award is good until its last second, and late for nobody's fault but the worker's", async () => {
    const papers = await market.papers();
    const { args } = await market.prove([papers.award]);
    await market.networkHelpers.time.setNextBlockTimestamp(papers.award.settleDeadline);
    await poi.write.settleBatch(args);
    assert.equal(await market.joyOf(people.worker), EARNED);
    await market.restore();
    const late = await market.papers();
    const proved = await market.prove([late.award]);
    await market.networkHelpers.time.setNextBlockTimestamp(late.award.settleDeadline + 1n);
    assert.deepEqual(await reasons(poi.write.settleBatch(proved.args)), ["Expired"]);
  });

  it("expired ticket: an award whose deadline is too far cannot outlive the escrow's withdrawal", async () => {
    const { args } = await market.prove([await market.award({ settleDeadline: (await market.now()) + 10n * DAY })]);
    assert.deepEqual(await reasons(poi.write.settleBatch(args)), ["TooFarAhead"]);
  });

  it("config skew: a model fee that rises after the award leaves the award payable", async () => {
    const papers = await market.papers({ offer: { settleDeadline: (await market.now()) + DAY } });
    await market.modelMarketplace.write.setPrice([MODEL, 50n * JOY], { account: people.modelOwner.address });
    await market.networkHelpers.time.increaseTo(papers.award.settleDeadline - 3n);
    const { args } = await market.prove([papers.award]);
    assert.deepEqual(await reasons(poi.write.settleBatch(args)), []);
  });

  it("config skew: an award for another deployment is worth nothing, with a proof or without", async () => {
    const award = await market.award();
    const { args } = await market.prove([award]);
    const [awards, , outputs, seal, payout] = args;
    const elsewhere = { ...domain(31337, poi.address), verifyingContract: nodes.address };
    const forged = await people.requester.signTypedData({
      domain: elsewhere, types: TYPES, primaryType: "Award", message: award,
    });
    assert.deepEqual(
      await reasons(poi.write.settleBatch([awards, [forged], outputs, seal, payout])), ["BadSignature"],
    );
  });
});
