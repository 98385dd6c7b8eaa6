import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, stringToHex } from "viem";

import { CAPACITY, type Disputes, openDisputes, TERMS } from "../support/disputes.ts";
import { freshEach } from "../support/fresh.ts";
import { DAY, ESCROW, INPUT_DIGEST, MODEL_FEE, people, PRICE } from "../support/market.ts";

const OWED = PRICE + MODEL_FEE;

describe("a missed award is reported", () => {
  let poi: Disputes["proofOfInference"];
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];

  const market = freshEach(openDisputes, () => {
    ({ proofOfInference: poi, nodeCoordinator: nodes } = market);
    assertions = market.viem.assertions;
  });

  it("with the input, and its price is set aside from the reporter's escrow", async () => {
    const papers = await market.missed();
    const call = market.reportMissed(papers);
    await call;
    const until = (await market.now()) + DAY;
    await assertions.emitWithArgs(call, nodes, "AwardReported", [
      papers.taskId, people.requester.address, people.worker.address, until, false,
    ]);
    assert.equal(await market.escrowOf(people.requester), ESCROW - OWED);
    assert.equal(await poi.read.totalReserved(), OWED);
    assert.deepEqual(await poi.read.reportOf([papers.taskId]), {
      reporter: people.requester.address, answerUntil: until, vouched: false, open: true,
    });
    assert.deepEqual(await nodes.read.reportsOf([people.worker.address]), { total: 1, unvouched: 1 });
  });

  it("by anyone, who then pays for the answer from its own escrow alone", async () => {
    const papers = await market.missed();
    const { address } = people.stranger;
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed(papers, people.stranger), poi, "AwardNotCovered", [address, PRICE, MODEL_FEE],
    );
    await market.joyToken.write.transfer([address, OWED]);
    await market.joyToken.write.approve([poi.address, OWED], { account: address });
    await poi.write.deposit([OWED], { account: address });
    await market.reportMissed(papers, people.stranger);
    assert.equal(await market.escrowOf(people.requester), ESCROW);
    assert.equal(await market.escrowOf(people.stranger), 0n);
  });

  it("not before its deadline, and not after the window", async () => {
    const papers = await market.papers();
    const { settleDeadline } = papers.award;
    const { time } = market.networkHelpers;
    await time.setNextBlockTimestamp(settleDeadline);
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed(papers), poi, "NotYetMissed", [settleDeadline],
    );
    await time.setNextBlockTimestamp(settleDeadline + DAY + 1n);
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed(papers), poi, "ReportTooLate", [settleDeadline],
    );
  });

  it("not when its nonce was paid, and not twice", async () => {
    const papers = await market.papers();
    await market.settle([papers.award]);
    await market.passDeadline(papers);
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed(papers), poi, "NonceAlreadyUsed", [people.requester.address, papers.award.nonce],
    );
    await market.restore();
    const again = await market.reported();
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed(again), poi, "AlreadyReported", [again.taskId],
    );
  });

  it("not from escrow of which a withdrawal is requested", async () => {
    const papers = await market.missed();
    await poi.write.requestWithdrawal([ESCROW - OWED + 1n], { account: people.requester.address });
    await assertions.revertWithCustomError(market.reportMissed(papers), poi, "AwardNotCovered");
  });

  it("not with signatures of others", async () => {
    const papers = await market.missed();
    const { awardSignature, bidSignature } = papers;
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed({ ...papers, bidSignature: awardSignature }), nodes, "InvalidSignature",
      [people.worker.address],
    );
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed({ ...papers, awardSignature: bidSignature }), nodes, "InvalidSignature",
      [people.requester.address],
    );
  });

  it("not with another input", async () => {
    const papers = await market.missed();
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed(papers, people.requester, "0x00"), nodes, "TermsMismatch",
      [TERMS.indexOf("InputDigest")],
    );
  });

  it("for no more promises at a time than the worker has capacity", async () => {
    for (let nonce = 0n; nonce < CAPACITY; ++nonce) {
      await market.reportMissed(await market.missed({ offer: { nonce } }));
    }
    const papers = await market.missed({ offer: { nonce: 10n } });
    await assertions.revertWithCustomErrorWithArgs(
      market.reportMissed(papers), nodes, "TooManyReports", [people.worker.address, CAPACITY],
    );
  });

  const other = keccak256(stringToHex("other"));
  const stranger = people.stranger.address;
  const differing: [string, () => Parameters<Disputes["papers"]>[0]][] = [
    ["OfferHash", () => ({ bid: { offerHash: other } })],
    ["OfferHash", () => ({ award: { offerHash: other } })],
    ["BidHash", () => ({ award: { bidHash: other } })],
    ["Requester", () => ({ offer: { requester: stranger } })],
    ["Worker", () => ({ award: { worker: stranger } })],
    ["ModelDigest", () => ({ award: { modelDigest: other } })],
    ["ModelDigest", () => ({ offer: { modelDigest: other }, award: { modelDigest: other } })],
    ["InputDigest", () => ({ award: { inputDigest: other } })],
    ["Price", () => ({ award: { price: 1n } })],
    ["ModelFee", () => ({ award: { modelFee: MODEL_FEE - 1n } })],
    ["PayToken", () => ({ offer: { payToken: stranger } })],
    ["ResultDeadline", () => ({ award: { resultDeadline: 1n } })],
    ["ResultDeadline", () => ({ bid: { resultBy: 2n ** 40n } })],
    ["SettleDeadline", () => ({ award: { settleDeadline: 1n } })],
    ["SettleDeadline", () => ({ bid: { resultBy: 2n ** 40n }, offer: { resultDeadline: 2n ** 40n } })],
    ["Nonce", () => ({ award: { nonce: 8n } })],
    ["Ramp", () => ({ bid: { price: PRICE + 1n }, award: { price: PRICE + 1n } })],
    ["Ramp", () => ({ bid: { madeAt: 2n ** 40n } })],
  ];
  for (const [term, change] of differing) {
    const [paper, fields] = Object.entries(change()!)[0]!;
    it(`not with papers that disagree: ${term} by ${paper}.${Object.keys(fields).join()}`, async () => {
      const papers = await market.papers(change());
      await market.networkHelpers.time.increase(3601n);
      await assertions.revertWithCustomErrorWithArgs(
        market.reportMissed(papers), nodes, "TermsMismatch", [TERMS.indexOf(term)],
      );
    });
  }

  it("has the digest of the input that is handed over", () => {
    assert.equal(INPUT_DIGEST, "0xc96c6d5be8d08a12e7b5cdc1b207fa6b2430974c86803d8891675e76fd992c20");
  });
});
