import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, stringToHex, toHex } from "viem";

import { type Disputes, openDisputes, type Papers, PENALTY, STAKE } from "../support/disputes.ts";
import { freshEach } from "../support/fresh.ts";
import { DAY, ESCROW, JOY, MODEL_FEE, PAYOUT, people, PRICE } from "../support/market.ts";

const OWED = PRICE + MODEL_FEE;

describe("a reported award", () => {
  let poi: Disputes["proofOfInference"];
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];

  const market = freshEach(openDisputes, () => {
    ({ proofOfInference: poi, nodeCoordinator: nodes } = market);
    assertions = market.viem.assertions;
  });

  const answer = async (papers: Papers) => {
    const { args } = await market.prove([papers.award]);
    return market.settledBy(await poi.write.settleBatch(args, market.from(people.stranger)));
  };

  describe("may still be settled by its worker", () => {
    it("until the last second of the answer window, with the money set aside", async () => {
      const papers = await market.reported();
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
      const papers = await market.missed();
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
      const papers = await market.reported();
      await market.networkHelpers.time.increase(DAY + 1n);
      const { skipped } = await answer(papers);
      assert.deepEqual(skipped.map(({ reason }) => reason), ["Expired"]);
    });

    it("and not by a report of another award", async () => {
      const papers = await market.reported();
      const { args } = await market.prove([{ ...papers.award, price: PRICE + 1n }]);
      const { skipped } = await market.settledBy(await poi.write.settleBatch(args));
      assert.deepEqual(skipped.map(({ reason }) => reason), ["Expired"]);
    });
  });

  describe("that nobody proves", () => {
    it("costs no stake, since perhaps it cannot be run: the miss goes on record, the money back", async () => {
      const papers = await market.reported();
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
      const papers = await market.reported();
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

  describe("may be rescued by another worker", () => {
    it("for the price and a share of the stake; the rest of it is shared and burnt", async () => {
      const papers = await market.rescuable();
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
      await market.rescue(await market.rescuable(), people.secondWorker, people.secondWorker, PAYOUT.Credit);
      assert.equal(await poi.read.creditOf([people.secondWorker.address]), (PRICE * 99n) / 100n);
    });

    it("not while the worker may still answer, and not when the window is over", async () => {
      const papers = await market.reported();
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
      const unreported = market.rescue(await market.missed(), people.secondWorker);
      await assertions.revertWithCustomError(unreported, poi, "NoOpenReport");
      await market.restore();
      const papers = await market.rescuable();
      const next = await market.award({ nonce: papers.award.nonce, worker: people.stranger.address });
      await market.settle([next]);
      await assertions.revertWithCustomError(market.rescue(papers, people.secondWorker), poi, "NonceAlreadyUsed");
    });

    it("costs no stake when the verifier was stopped after the report", async () => {
      const papers = await market.rescuable();
      const restart = await market.stopVerifier();
      await restart();
      await market.rescue(papers, people.secondWorker);
      assert.equal(await market.joyOf(people.secondWorker), (PRICE * 99n) / 100n);
      assert.equal(await market.stakeOf(people.worker), STAKE);
      assert.equal((await market.recordOf(people.worker)).missed, 1n);
    });

    it("not for nobody, and not for the settlement contract", async () => {
      const papers = await market.rescuable();
      for (const address of [toHex(0, { size: 20 }), poi.address]) {
        const call = market.rescue(papers, { ...people.stranger, address });
        await assertions.revertWithCustomError(call, poi, "InvalidRescuer");
      }
    });
  });
});
