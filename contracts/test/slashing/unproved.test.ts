import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Hex } from "viem";

import { type Disputes, openDisputes, type Papers, PENALTY, STAKE } from "../support/disputes.ts";
import { freshEach } from "../support/fresh.ts";
import { DAY, ESCROW, JOY, MODEL_FEE, people, PRICE } from "../support/market.ts";

const OWED = PRICE + MODEL_FEE;
/** ISlashing.Fault. */
const MISSED = 0;

describe("an award that was answered and never proved", () => {
  let poi: Disputes["proofOfInference"];
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];

  const market = freshEach(openDisputes, () => {
    ({ proofOfInference: poi, nodeCoordinator: nodes } = market);
    assertions = market.viem.assertions;
  });

  const reported = async (nonce = 7n) => {
    const papers = await market.papers({ offer: { nonce } });
    await market.passDeadline(papers);
    await market.reportUnproved(papers);
    return papers;
  };
  const close = async (papers: Papers) => {
    await market.networkHelpers.time.increase(2n * DAY + 1n);
    return market.closeReport(papers);
  };

  it("needs no bid: the signed result shows that the worker took it", async () => {
    const papers = await reported();
    assert.deepEqual(await nodes.read.reportsOf([people.worker.address]), { total: 1, unvouched: 0 });
    assert.equal((await poi.read.reportOf([papers.taskId])).vouched, true);
    assert.equal(await market.escrowOf(people.requester), ESCROW - OWED);
  });

  it("is not limited by capacity: what a worker answered it must be able to prove", async () => {
    for (let nonce = 0n; nonce < 4n; ++nonce) await reported(nonce);
    assert.equal((await nodes.read.reportsOf([people.worker.address])).total, 4);
  });

  it("costs stake when the windows are over: half to the requester, half burnt", async () => {
    const papers = await reported();
    const supply = await market.joyToken.read.totalSupply();
    const before = await market.joyOf(people.requester);
    const call = close(papers);
    await call;
    await assertions.emitWithArgs(call, nodes, "Slashed", [
      papers.taskId, people.worker.address, MISSED, PENALTY, PENALTY / 2n, people.requester.address,
      `0x${"00".repeat(20)}`,
    ]);
    assert.equal((await market.joyOf(people.requester)) - before, PENALTY / 2n);
    assert.equal(await market.joyToken.read.totalSupply(), supply - PENALTY / 2n);
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
    assert.equal(await market.escrowOf(people.requester), ESCROW);
    assert.equal((await market.recordOf(people.worker)).missed, 1n);
    assert.equal(await nodes.read.isPunished([papers.taskId, MISSED]), true);
  });

  it("costs nothing when the worker settles in the answer window", async () => {
    const papers = await reported();
    const { args } = await market.prove([papers.award]);
    await assertions.emitWithArgs(poi.write.settleBatch(args), nodes, "ReportAnswered", [
      papers.taskId, people.worker.address,
    ]);
    await assertions.revertWithCustomError(close(papers), poi, "NoOpenReport");
    assert.equal(await market.stakeOf(people.worker), STAKE);
  });

  it("is rescued like any other, and then costs the stake once", async () => {
    const papers = await reported();
    await market.networkHelpers.time.increase(DAY + 1n);
    await market.rescue(papers, people.secondWorker);
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
    await assertions.revertWithCustomError(close(papers), poi, "NoOpenReport");
  });

  it("takes what is there from a worker with less stake than the penalty, and no more", async () => {
    const all = [];
    for (let nonce = 0n; nonce < 6n; ++nonce) all.push(await reported(nonce));
    await market.networkHelpers.time.increase(2n * DAY + 1n);
    for (const papers of all) await market.closeReport(papers);
    assert.equal(await market.stakeOf(people.worker), 0n, "five were paid for");
    assert.equal(await market.joyOf(nodes), 0n);
    assert.equal((await market.recordOf(people.worker)).missed, 6n);
    assert.equal(await market.escrowOf(people.requester), ESCROW);
  });

  it("ends a node's work when its stake falls under the least", async () => {
    const { address } = people.worker;
    const all = [];
    for (let nonce = 0n; nonce < 5n; ++nonce) all.push(await reported(nonce));
    await market.networkHelpers.time.increase(2n * DAY + 1n);
    for (const papers of all.slice(1)) await market.closeReport(papers);
    assert.equal(await nodes.read.isActive([address, 0n]), true);
    await market.closeReport(all[0]!);
    assert.equal(await nodes.read.isActive([address, 0n]), false);
    await market.joyToken.write.transfer([address, JOY]);
    await market.joyToken.write.approve([nodes.address, JOY], { account: address });
    await nodes.write.addStake([JOY], { account: address });
    assert.equal(await nodes.read.isActive([address, JOY]), true, "it comes back with fresh stake");
  });

  it("keeps the stake in until it is closed, however long the worker has been unbonding", async () => {
    const { address } = people.worker;
    await nodes.write.deactivate({ account: address });
    await market.networkHelpers.time.increase(7n * DAY - 4000n);
    const papers = await market.papers();
    await market.passDeadline(papers);
    await market.reportUnproved(papers);
    await market.networkHelpers.time.increase(DAY);
    await assertions.revertWithCustomErrorWithArgs(
      nodes.write.withdraw({ account: address }), nodes, "StillReported", [address, 1],
    );
    await close(papers);
    await nodes.write.withdraw({ account: address });
    assert.equal(await market.joyOf(people.worker), STAKE - PENALTY);
  });

  it("costs no stake when the verifier was stopped after the report", async () => {
    const [first, second] = [await reported(1n), await reported(2n)];
    const restart = await market.stopVerifier();
    await close(first);
    assert.equal(await market.stakeOf(people.worker), STAKE, "while it is stopped");
    await restart();
    await market.closeReport(second);
    assert.equal(await market.stakeOf(people.worker), STAKE, "after it was stopped");
    await close(await reported(3n));
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY, "a stop before the report excuses nobody");
  });

  it("raises a report on the bid alone, which goes on in its windows and with its reporter's money", async () => {
    const papers = await market.reported();
    await market.networkHelpers.time.increase(DAY);
    const before = await poi.read.reportOf([papers.taskId]);
    const { message, signature } = await market.result(papers.taskId, "answer");
    const raised = nodes.write.reportUnproved([papers.award, papers.awardSignature, message, signature], {
      account: people.stranger.address,
    });
    await assertions.emitWithArgs(raised, nodes, "ReportVouched", [papers.taskId]);
    assert.deepEqual(await poi.read.reportOf([papers.taskId]), { ...before, vouched: true });
    assert.deepEqual(await nodes.read.reportsOf([people.worker.address]), { total: 1, unvouched: 0 });
    await market.networkHelpers.time.increase(DAY + 1n);
    await market.closeReport(papers);
    assert.deepEqual(await nodes.read.reportsOf([people.worker.address]), { total: 0, unvouched: 0 });
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
  });

  it("raises a report once", async () => {
    const papers = await market.reported();
    await market.reportUnproved(papers);
    await assertions.revertWithCustomError(market.reportUnproved(papers), poi, "AlreadyReported");
  });

  it("raises no report that was answered", async () => {
    const papers = await market.reported();
    const { args } = await market.prove([papers.award]);
    await poi.write.settleBatch(args);
    await assertions.revertWithCustomError(market.reportUnproved(papers), poi, "NonceAlreadyUsed");
  });

  it("is not shown by a result of another task, worker or signer", async () => {
    const papers = await market.papers();
    await market.passDeadline(papers);
    const report = (message: { taskId: Hex; outputDigest: Hex }, signature: Hex) =>
      nodes.write.reportUnproved([papers.award, papers.awardSignature, message, signature], {
        account: people.requester.address,
      });
    const foreign = await market.result(`0x${"01".repeat(32)}`, "answer");
    await assertions.revertWithCustomErrorWithArgs(
      report(foreign.message, foreign.signature), nodes, "ResultMismatch", [foreign.message.taskId],
    );
    const forged = await market.result(papers.taskId, "answer", people.requester);
    await assertions.revertWithCustomErrorWithArgs(
      report(forged.message, forged.signature), nodes, "InvalidSignature", [people.worker.address],
    );
    const good = await market.result(papers.taskId, "answer");
    await assertions.revertWithCustomErrorWithArgs(
      nodes.write.reportUnproved([papers.award, papers.bidSignature, good.message, good.signature], {
        account: people.requester.address,
      }),
      nodes, "InvalidSignature", [people.requester.address],
    );
  });
});
