/** What workers and bystanders did on other networks, and what it gets them here. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { keccak256, stringToHex, toHex } from "viem";

import type { Award } from "../../scripts/typed-data.ts";
import { type Disputes, openDisputes, PENALTY, STAKE } from "../support/disputes.ts";
import { freshEach } from "../support/fresh.ts";
import { DAY, ESCROW, JOY, type Market, MODEL_FEE, openMarket, PAYOUT, people, PRICE } from "../support/market.ts";

const EARNED = (PRICE * 99n) / 100n;

describe("attacks on requesters", () => {
  let poi: Disputes["proofOfInference"];
  let assertions: Disputes["viem"]["assertions"];

  const market = freshEach(openDisputes, () => {
    poi = market.proofOfInference;
    assertions = market.viem.assertions;
  });

  it("withheld finish: a worker that answers and never proves is not paid and loses stake", async () => {
    const papers = await market.papers();
    await market.passDeadline(papers);
    await market.reportUnproved(papers);
    await market.networkHelpers.time.increase(2n * DAY + 1n);
    await market.closeReport(papers);
    assert.equal(await market.joyOf(people.worker), 0n);
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
    assert.equal(await market.escrowOf(people.requester), ESCROW, "nothing stays stuck");
  });

  it("own report: a worker that answered cannot report itself on its bid alone and so keep its stake", async () => {
    const papers = await market.missed();
    const money = { account: people.secondWorker.address };
    await market.joyToken.write.transfer([people.secondWorker.address, JOY * 50n]);
    await market.joyToken.write.approve([poi.address, JOY * 50n], money);
    await poi.write.deposit([JOY * 50n], money);
    await market.reportMissed(papers, people.secondWorker);
    await market.reportUnproved(papers);
    await market.networkHelpers.time.increase(2n * DAY + 1n);
    await market.closeReport(papers);
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
    assert.equal(await market.escrowOf(people.secondWorker), JOY * 50n, "the report stays its reporter's");
    assert.equal(await market.escrowOf(people.requester), ESCROW);
  });

  it("vanished worker: its stake is in reach although it began to leave before the deadline", async () => {
    const papers = await market.papers({ offer: { settleDeadline: (await market.now()) + DAY } });
    await market.nodeCoordinator.write.deactivate(market.from(people.worker));
    await market.passDeadline(papers);
    await market.reportMissed(papers);
    await market.networkHelpers.time.increase(2n * DAY - 60n);
    await market.rescue(papers, people.secondWorker);
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
  });

  it("equivocation: a worker that signs two results for one task pays for it", async () => {
    const papers = await market.papers();
    const [one, two] = [await market.result(papers.taskId, "one"), await market.result(papers.taskId, "two")];
    await market.nodeCoordinator.write.reportTwoResults([
      papers.award, papers.awardSignature, one.message, one.signature, two.message, two.signature,
    ]);
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
  });

  it("own rescue: a worker that misses and then rescues its own task under another name ends with less", async () => {
    await market.rescue(await market.rescuable(), people.secondWorker);
    // worker and secondWorker are one: the price, a quarter of the penalty back, the penalty gone
    const gained = (await market.joyOf(people.secondWorker)) - EARNED;
    assert.equal(gained + (await market.stakeOf(people.worker)), STAKE - (PENALTY * 3n) / 4n);
  });

  it("self-accusation: a worker cannot get its stake out early through an accomplice without losing half", async () => {
    const papers = await market.papers();
    const before = await market.joyOf(people.requester);
    const [one, two] = [await market.result(papers.taskId, "one"), await market.result(papers.taskId, "two")];
    await market.nodeCoordinator.write.reportTwoResults([
      papers.award, papers.awardSignature, one.message, one.signature, two.message, two.signature,
    ]);
    assert.equal((await market.joyOf(people.requester)) - before, PENALTY / 2n);
  });

  it("copied proof: whoever sends a batch in first, its awards' workers are paid", async () => {
    const { args } = await market.prove([await market.award()]);
    await poi.write.settleBatch(args, market.from(people.stranger));
    assert.equal(await market.joyOf(people.stranger), 0n);
    assert.equal(await market.joyOf(people.worker), EARNED);
  });

  it("copied proof: a rescue that is seen in the mempool pays its maker and nobody who copies it", async () => {
    const papers = await market.rescuable();
    await assertions.revertWithCustomError(
      market.rescue(papers, people.secondWorker, people.stranger), poi, "NotProven",
    );
    await market.rescue(papers, people.secondWorker);
    assert.equal(await market.joyOf(people.secondWorker), EARNED + PENALTY / 4n);
  });

  it("replayed proof: neither the proof, nor its award, nor another award under its nonce is paid twice", async () => {
    const first = await market.award();
    const { args } = await market.prove([first]);
    await poi.write.settleBatch(args);
    const again = await market.settledBy(await poi.write.settleBatch(args));
    const other = await market.settle([{ ...first, worker: people.secondWorker.address }]);
    assert.deepEqual([...again.skipped, ...other.skipped].map(({ reason }) => reason), ["NonceUsed", "NonceUsed"]);
    assert.equal(await market.escrowOf(people.requester), ESCROW - PRICE - MODEL_FEE);
  });

  it("missing participant bricks settlement: whoever is missing, the others of the batch are paid", async () => {
    const good = await market.award({ nonce: 1n });
    const broken: Partial<Award>[] = [
      { requester: people.stranger.address },
      { requester: toHex(0, { size: 20 }) },
      { worker: toHex(0, { size: 20 }) },
      { worker: poi.address },
      { modelDigest: keccak256(stringToHex("nobody's model")) },
      { settleDeadline: 0n },
      { price: 2n ** 256n - 1n },
    ];
    const awards = [good];
    for (const [index, change] of broken.entries()) {
      awards.push(await market.award({ nonce: BigInt(10 + index), ...change }));
    }
    // Neither the model's owner nor the second worker has a node or ever did anything.
    awards.push(await market.award({ nonce: 2n, worker: people.secondWorker.address }));
    const { settled, skipped } = await market.settle(awards);
    assert.deepEqual(settled.map(({ worker }) => worker), [people.worker.address, people.secondWorker.address]);
    assert.equal(skipped.length, broken.length);
  });

  it("missing participant bricks settlement: a worker that left and a requester that withdrew stop nobody", async () => {
    const left = await market.award({ nonce: 1n, settleDeadline: (await market.now()) + 8n * DAY });
    await market.nodeCoordinator.write.deactivate(market.from(people.worker));
    await market.networkHelpers.time.increase(7n * DAY + 1n);
    await market.nodeCoordinator.write.withdraw(market.from(people.worker));
    const { settled } = await market.settle([left]);
    assert.equal(settled.length, 1);
    assert.equal(await market.joyOf(people.worker), STAKE + EARNED);
  });
});

describe("rounding", () => {
  let market: Market;
  before(async () => {
    market = await openMarket();
    await market.modelMarketplace.write.setPrice([(await market.award()).modelDigest, 0n], {
      account: people.modelOwner.address,
    });
  });

  it("makes and loses nothing: what a batch of the smallest prices charges is what it pays", async () => {
    const prices = [0n, 1n, 3n, 99n, 100n, 101n, 199n, 9_999n, 10_001n];
    const awards = await Promise.all(
      prices.map((price, nonce) => market.award({ price, modelFee: BigInt(nonce), nonce: BigInt(nonce) })),
    );
    for (const payout of [PAYOUT.Direct, PAYOUT.Credit]) {
      const before = await market.proofOfInference.read.escrowOf([people.requester.address]);
      const again = awards.map((award) => ({ ...award, nonce: award.nonce + BigInt(payout) * 100n }));
      const { settled } = await market.settle(again, people.requester, payout);
      assert.equal(settled.length, prices.length);
      const charged = before - (await market.proofOfInference.read.escrowOf([people.requester.address]));
      const total = prices.reduce((sum, price, nonce) => sum + price + BigInt(nonce), 0n);
      assert.equal(charged, total);
      for (const { price, protocolFee } of settled) assert.equal(protocolFee, price! / 100n, "never up");
    }
    const escrow = await market.proofOfInference.read.escrowOf([people.requester.address]);
    const credits = await market.proofOfInference.read.totalCredits();
    assert.equal(await market.joyOf(market.proofOfInference), escrow + credits);
    assert.equal(escrow + 2n * credits, 100n * JOY);
  });
});
