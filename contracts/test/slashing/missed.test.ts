import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";

import { keccak256, stringToHex, toHex } from "viem";

import { CAPACITY, type Disputes, openDisputes, type Papers, PENALTY, STAKE, TERMS } from "../support/disputes.ts";
import { DAY, ESCROW, INPUT_DIGEST, JOY, MODEL_FEE, PAYOUT, people, PRICE } from "../support/market.ts";

const OWED = PRICE + MODEL_FEE;

describe("a missed award", () => {
  let market: Disputes;
  let fresh: Awaited<ReturnType<Disputes["networkHelpers"]["takeSnapshot"]>>;
  let poi: Disputes["proofOfInference"];
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];

  before(async () => {
    market = await openDisputes();
    ({ proofOfInference: poi, nodeCoordinator: nodes } = market);
    assertions = market.viem.assertions;
    fresh = await market.networkHelpers.takeSnapshot();
  });
  beforeEach(async () => fresh.restore());

  const missed = async (change?: Parameters<Disputes["papers"]>[0]) => {
    const papers = await market.papers(change);
    await market.passDeadline(papers);
    return papers;
  };
  const reported = async () => {
    const papers = await missed();
    await market.reportMissed(papers);
    return papers;
  };
  const answer = async (papers: Papers) => {
    const { args } = await market.prove([papers.award]);
    return market.settledBy(await poi.write.settleBatch(args, market.from(people.stranger)));
  };

  describe("is reported", () => {
    it("with the input, and its price is set aside from the reporter's escrow", async () => {
      const papers = await missed();
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
      const papers = await missed();
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
      await fresh.restore();
      const again = await reported();
      await assertions.revertWithCustomErrorWithArgs(
        market.reportMissed(again), poi, "AlreadyReported", [again.taskId],
      );
    });

    it("not from escrow of which a withdrawal is requested", async () => {
      const papers = await missed();
      await poi.write.requestWithdrawal([ESCROW - OWED + 1n], { account: people.requester.address });
      await assertions.revertWithCustomError(market.reportMissed(papers), poi, "AwardNotCovered");
    });

    it("not with signatures of others", async () => {
      const papers = await missed();
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
      const papers = await missed();
      await assertions.revertWithCustomErrorWithArgs(
        market.reportMissed(papers, people.requester, "0x00"), nodes, "TermsMismatch",
        [TERMS.indexOf("InputDigest")],
      );
    });

    it("for no more promises at a time than the worker has capacity", async () => {
      for (let nonce = 0n; nonce < CAPACITY; ++nonce) {
        await market.reportMissed(await missed({ offer: { nonce } }));
      }
      const papers = await missed({ offer: { nonce: 10n } });
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
  });

  describe("may still be settled by its worker", () => {
    it("until the last second of the answer window, with the money set aside", async () => {
      const papers = await reported();
      await market.networkHelpers.time.setNextBlockTimestamp(
        (await poi.read.reportOf([papers.taskId])).answerUntil - 1n,
      );
      const { settled } = await answer(papers);
      assert.equal(settled[0]?.taskId, papers.taskId);
      assert.equal(await market.joyOf(people.worker), (PRICE * 99n) / 100n);
      assert.equal(await market.escrowOf(people.requester), ESCROW - OWED);
      assert.equal(await poi.read.totalReserved(), 0n);
      assert.equal(await market.stakeOf(people.worker), STAKE);
      assert.deepEqual(await nodes.read.reportsOf([people.worker.address]), { total: 0, unvouched: 0 });
      assert.equal((await market.recordOf(people.worker)).missed, 0n);
      await market.networkHelpers.time.increase(2n * DAY);
      await assertions.revertWithCustomErrorWithArgs(
        market.closeReport(papers), poi, "NoOpenReport", [papers.taskId],
      );
    });

    it("even if the requester has emptied its escrow, and the model's fee has risen", async () => {
      const papers = await missed();
      await market.modelMarketplace.write.setPrice([papers.award.modelDigest, JOY], {
        account: people.modelOwner.address,
      });
      await market.networkHelpers.time.increase(DAY - 4000n);
      await poi.write.requestWithdrawal([ESCROW - OWED], { account: people.requester.address });
      await market.reportMissed(papers);
      await market.networkHelpers.time.increase(DAY - 10n);
      assert.equal((await answer(papers)).settled.length, 1);
      assert.equal(await market.joyOf(people.modelOwner), MODEL_FEE);
    });

    it("but not after the window", async () => {
      const papers = await reported();
      await market.networkHelpers.time.increase(DAY + 1n);
      const { skipped } = await answer(papers);
      assert.deepEqual(skipped.map(({ reason }) => reason), ["Expired"]);
    });

    it("and not by a report of another award", async () => {
      const papers = await reported();
      const { args } = await market.prove([{ ...papers.award, price: PRICE + 1n }]);
      const { skipped } = await market.settledBy(await poi.write.settleBatch(args));
      assert.deepEqual(skipped.map(({ reason }) => reason), ["Expired"]);
    });
  });

  describe("that nobody proves", () => {
    it("costs no stake, since perhaps it cannot be run: the miss goes on record, the money back", async () => {
      const papers = await reported();
      await assertions.revertWithCustomError(market.closeReport(papers), poi, "StillAnswerable");
      await market.networkHelpers.time.increase(2n * DAY + 1n);
      await assertions.emitWithArgs(market.closeReport(papers), nodes, "AwardMissed", [
        papers.taskId, people.requester.address, people.worker.address,
      ]);
      assert.equal(await market.stakeOf(people.worker), STAKE);
      assert.deepEqual(await market.recordOf(people.worker), { settled: 0n, missed: 1n });
      assert.equal(await market.escrowOf(people.requester), ESCROW);
      assert.equal(await poi.read.totalReserved(), 0n);
      await assertions.revertWithCustomError(market.closeReport(papers), poi, "NoOpenReport");
      await assertions.revertWithCustomError(market.reportMissed(papers), poi, "ReportTooLate");
    });

    it("goes on nobody's record when another worker settled under its nonce", async () => {
      const papers = await reported();
      const next = await market.award({
        nonce: papers.award.nonce, worker: people.secondWorker.address, settleDeadline: (await market.now()) + 60n,
      });
      assert.equal((await market.settle([next])).settled.length, 1);
      assert.deepEqual((await answer(papers)).skipped.map(({ reason }) => reason), ["NonceUsed"]);
      await market.networkHelpers.time.increase(2n * DAY + 1n);
      await market.closeReport(papers);
      assert.equal((await market.recordOf(people.worker)).missed, 0n);
      assert.equal(await market.escrowOf(people.requester), ESCROW - OWED, "paid once, given back once");
    });
  });

  describe("is rescued", () => {
    const open = async () => {
      const papers = await reported();
      await market.networkHelpers.time.increase(DAY + 1n);
      return papers;
    };

    it("for the price and a share of the stake; the rest of it is shared and burnt", async () => {
      const papers = await open();
      const supply = await market.joyToken.read.totalSupply();
      const before = await market.joyOf(people.requester);
      const call = market.rescue(papers, people.secondWorker);
      await call;
      await assertions.emitWithArgs(call, poi, "AwardRescued", [
        papers.taskId, people.requester.address, people.secondWorker.address, keccak256(stringToHex("output")),
      ]);
      assert.equal(await market.joyOf(people.secondWorker), (PRICE * 99n) / 100n + PENALTY / 4n);
      assert.equal(await market.joyOf(people.modelOwner), MODEL_FEE);
      assert.equal(await market.joyOf(people.treasury), PRICE / 100n);
      assert.equal((await market.joyOf(people.requester)) - before, PENALTY / 4n);
      assert.equal(await market.joyToken.read.totalSupply(), supply - PENALTY / 2n);
      assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
      assert.equal(await poi.read.totalReserved(), 0n);
      assert.equal(await poi.read.isNonceUsed([people.requester.address, papers.award.nonce]), true);
      assert.deepEqual(await market.recordOf(people.worker), { settled: 0n, missed: 1n });
      assert.deepEqual(await market.recordOf(people.secondWorker), { settled: 1n, missed: 0n });
      assert.deepEqual(await nodes.read.reportsOf([people.worker.address]), { total: 0, unvouched: 0 });
      await assertions.revertWithCustomError(market.rescue(papers, people.stranger), poi, "NoOpenReport");
    });

    it("by credit, if the caller chooses so", async () => {
      await market.rescue(await open(), people.secondWorker, people.secondWorker, PAYOUT.Credit);
      assert.equal(await poi.read.creditOf([people.secondWorker.address]), (PRICE * 99n) / 100n);
    });

    it("not while the worker may still answer, and not when the window is over", async () => {
      const papers = await reported();
      const { answerUntil } = await poi.read.reportOf([papers.taskId]);
      await assertions.revertWithCustomErrorWithArgs(
        market.rescue(papers, people.secondWorker), poi, "StillAnswerable", [answerUntil],
      );
      await market.networkHelpers.time.increase(2n * DAY + 1n);
      await assertions.revertWithCustomErrorWithArgs(
        market.rescue(papers, people.secondWorker), poi, "RescueTooLate", [answerUntil + DAY],
      );
    });

    it("not without a report, and not when the nonce was paid meanwhile", async () => {
      await assertions.revertWithCustomError(market.rescue(await missed(), people.secondWorker), poi, "NoOpenReport");
      await fresh.restore();
      const papers = await open();
      const next = await market.award({ nonce: papers.award.nonce, worker: people.stranger.address });
      await market.settle([next]);
      await assertions.revertWithCustomError(market.rescue(papers, people.secondWorker), poi, "NonceAlreadyUsed");
    });

    it("not for nobody", async () => {
      const nobody = { ...people.stranger, address: toHex(0, { size: 20 }) };
      await assertions.revertWithCustomError(market.rescue(await open(), nobody), poi, "InvalidRescuer");
    });
  });

  it("has the digest of the input that is handed over", () => {
    assert.equal(INPUT_DIGEST, "0xc96c6d5be8d08a12e7b5cdc1b207fa6b2430974c86803d8891675e76fd992c20");
  });
});
