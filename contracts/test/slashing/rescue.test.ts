import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { keccak256, stringToHex, toHex } from "viem";

import { type Disputes, openDisputes, PENALTY, STAKE } from "../support/disputes.ts";
import { freshEach } from "../support/fresh.ts";
import { DAY, MODEL_FEE, PAYOUT, people, PRICE } from "../support/market.ts";

describe("a reported award is rescued", () => {
  let poi: Disputes["proofOfInference"];
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];

  const market = freshEach(openDisputes, () => {
    ({ proofOfInference: poi, nodeCoordinator: nodes } = market);
    assertions = market.viem.assertions;
  });

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
