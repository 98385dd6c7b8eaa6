import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";

import { keccak256, stringToHex } from "viem";

import { DAY, ESCROW, JOY, type Market, MODEL_FEE, openMarket, people } from "../support/market.ts";

/** Order of the terms in IProofOfInference.Term. */
const TERMS = [
  "OfferHash", "BidHash", "Requester", "Worker", "ModelDigest", "InputDigest", "Price", "ModelFee", "PayToken",
  "ResultDeadline", "SettleDeadline", "Nonce",
];

describe("reportMissed", () => {
  let market: Market;
  let poi: Market["proofOfInference"];
  let assertions: Market["viem"]["assertions"];
  let fresh: Awaited<ReturnType<Market["networkHelpers"]["takeSnapshot"]>>;

  before(async () => {
    market = await openMarket();
    poi = market.proofOfInference;
    assertions = market.viem.assertions;
    fresh = await market.networkHelpers.takeSnapshot();
  });
  beforeEach(async () => fresh.restore());

  type Papers = Awaited<ReturnType<Market["papers"]>>;
  const report = ({ offer, bid, bidSignature, award, awardSignature }: Papers) =>
    poi.write.reportMissed([offer, bid, bidSignature, award, awardSignature], { account: people.stranger.address });
  const pass = (papers: Papers) => market.networkHelpers.time.increaseTo(papers.award.settleDeadline + 1n);

  it("puts the miss on the worker's record once, whoever reports it", async () => {
    const papers = await market.papers();
    await pass(papers);
    await assertions.emitWithArgs(report(papers), poi, "AwardMissed", [
      papers.taskId, people.requester.address, people.worker.address,
    ]);
    const [, record] = await market.nodeCoordinator.read.nodeOf([people.worker.address]);
    assert.deepEqual([record.settled, record.missed], [0n, 1n]);
    assert.equal(await poi.read.isReported([papers.taskId]), true);
    await assertions.revertWithCustomErrorWithArgs(report(papers), poi, "AlreadyReported", [papers.taskId]);
  });

  it("moves no money", async () => {
    const papers = await market.papers();
    await pass(papers);
    await report(papers);
    assert.equal(await poi.read.escrowOf([people.requester.address]), ESCROW);
  });

  it("leaves the nonce to the award of the next best bidder", async () => {
    const papers = await market.papers();
    const next = await market.award({
      nonce: papers.award.nonce,
      worker: people.secondWorker.address,
      settleDeadline: papers.award.settleDeadline + 3600n,
    });
    await pass(papers);
    await report(papers);
    assert.equal((await market.settle([next])).settled.length, 1);
  });

  it("refuses a report while the award can be settled", async () => {
    const papers = await market.papers();
    await market.networkHelpers.time.setNextBlockTimestamp(papers.award.settleDeadline);
    await assertions.revertWithCustomErrorWithArgs(
      report(papers), poi, "NotYetMissed", [papers.award.settleDeadline],
    );
  });

  it("refuses a report of a settled award", async () => {
    const papers = await market.papers();
    await market.settle([papers.award]);
    await pass(papers);
    await assertions.revertWithCustomErrorWithArgs(
      report(papers), poi, "NonceAlreadyUsed", [people.requester.address, papers.award.nonce],
    );
  });

  it("refuses signatures of others", async () => {
    const papers = await market.papers();
    await pass(papers);
    const { awardSignature, bidSignature } = papers;
    await assertions.revertWithCustomErrorWithArgs(
      report({ ...papers, bidSignature: awardSignature }), poi, "InvalidSignature", [people.worker.address],
    );
    await assertions.revertWithCustomErrorWithArgs(
      report({ ...papers, awardSignature: bidSignature }), poi, "InvalidSignature", [people.requester.address],
    );
    await assertions.revertWithCustomError(report({ ...papers, bidSignature: "0x" }), poi, "InvalidSignature");
  });

  const other = keccak256(stringToHex("other"));
  const stranger = people.stranger.address;
  const differing: [string, () => Parameters<Market["papers"]>[0]][] = [
    ["OfferHash", () => ({ bid: { offerHash: other } })],
    ["OfferHash", () => ({ award: { offerHash: other } })],
    ["BidHash", () => ({ award: { bidHash: other } })],
    ["Requester", () => ({ offer: { requester: stranger } })],
    ["Worker", () => ({ award: { worker: stranger } })],
    ["ModelDigest", () => ({ award: { modelDigest: other } })],
    ["InputDigest", () => ({ award: { inputDigest: other } })],
    ["Price", () => ({ award: { price: 1n } })],
    ["ModelFee", () => ({ award: { modelFee: MODEL_FEE - 1n } })],
    ["PayToken", () => ({ offer: { payToken: stranger } })],
    ["ResultDeadline", () => ({ award: { resultDeadline: 1n } })],
    ["ResultDeadline", () => ({ bid: { resultBy: 2n ** 40n } })],
    ["SettleDeadline", () => ({ award: { settleDeadline: 1n } })],
    ["Nonce", () => ({ award: { nonce: 8n } })],
  ];
  for (const [term, change] of differing) {
    const where = Object.entries(change()!).map(([paper, fields]) => `${paper}.${Object.keys(fields)[0]}`)[0];
    it(`refuses papers that do not agree: ${where}`, async () => {
      const papers = await market.papers(change());
      await market.networkHelpers.time.increase(DAY);
      await assertions.revertWithCustomErrorWithArgs(report(papers), poi, "TermsMismatch", [TERMS.indexOf(term)]);
    });
  }

  it("refuses a model that nobody registered", async () => {
    const papers = await market.papers({ offer: { modelDigest: other }, award: { modelDigest: other } });
    await pass(papers);
    await assertions.revertWithCustomErrorWithArgs(
      report(papers), poi, "TermsMismatch", [TERMS.indexOf("ModelDigest")],
    );
  });

  it("refuses to blame a worker whom the escrow would not have paid", async () => {
    const papers = await market.papers({ bid: { price: 1000n * JOY }, award: { price: 1000n * JOY } });
    await pass(papers);
    await assertions.revertWithCustomError(report(papers), poi, "AwardNotCovered");
  });
});
