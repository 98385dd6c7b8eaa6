import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Award } from "../../scripts/typed-data.ts";
import { type Disputes, openDisputes } from "../support/disputes.ts";
import { freshEach } from "../support/fresh.ts";
import { DAY, ESCROW, JOY, MODEL_FEE, people } from "../support/market.ts";

const BOND = 8n * JOY;
const requester = people.requester.address;
const UNBONDING = 7n * DAY;

describe("a requester's bond", () => {
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];
  const by = { account: requester };

  const market = freshEach(openDisputes, async () => {
    nodes = market.nodeCoordinator;
    assertions = market.viem.assertions;
    await market.joyToken.write.approve([nodes.address, 2n * BOND], by);
    await nodes.write.bond([BOND], by);
  });

  const show = async (awards: Award[], signer = people.requester) => {
    const signatures = await Promise.all(awards.map((a) => signer.sign({ hash: market.digestOf("Award", a) })));
    return nodes.write.reportOvercommitted([awards, signatures], market.from(people.stranger));
  };
  const price = (amount: bigint, nonce: bigint, change: Partial<Award> = {}) =>
    market.award({ price: amount - MODEL_FEE, nonce, ...change });

  it("is put in, added to, and comes back after the delay", async () => {
    assert.deepEqual(await nodes.read.bondOf([requester]), [BOND, 0n]);
    await assertions.emitWithArgs(nodes.write.bond([1n], by), nodes, "Bonded", [requester, 1n, BOND + 1n]);
    await assertions.revertWithCustomError(nodes.write.withdrawBond(by), nodes, "NotUnbonding");
    await nodes.write.unbond(by);
    const due = (await market.now()) + UNBONDING;
    assert.deepEqual(await nodes.read.bondOf([requester]), [BOND + 1n, due]);
    await assertions.revertWithCustomErrorWithArgs(nodes.write.unbond(by), nodes, "StillBonded", [due]);
    await market.networkHelpers.time.setNextBlockTimestamp(due - 1n);
    await assertions.revertWithCustomErrorWithArgs(nodes.write.withdrawBond(by), nodes, "StillBonded", [due]);
    await market.networkHelpers.time.setNextBlockTimestamp(due);
    await assertions.emitWithArgs(nodes.write.withdrawBond(by), nodes, "BondWithdrawn", [requester, BOND + 1n]);
    assert.deepEqual(await nodes.read.bondOf([requester]), [0n, 0n]);
    await assertions.revertWithCustomErrorWithArgs(nodes.write.unbond(by), nodes, "NoBond", [requester]);
  });

  it("can stay after all", async () => {
    await assertions.revertWithCustomError(nodes.write.rebond(by), nodes, "NotUnbonding");
    await nodes.write.unbond(by);
    await assertions.emitWithArgs(nodes.write.rebond(by), nodes, "UnbondingCancelled", [requester]);
    await market.networkHelpers.time.increase(UNBONDING);
    await assertions.revertWithCustomError(nodes.write.withdrawBond(by), nodes, "NotUnbonding");
    await assertions.revertWithCustomError(nodes.write.bond([0n], by), nodes, "ZeroAmount");
  });

  it("is lost by awards for more than the escrow: half burnt, half to the workers by price", async () => {
    const second = people.secondWorker;
    const awards = [
      await market.award({ price: 60n * JOY, modelFee: 0n, nonce: 1n }),
      await market.award({ price: 20n * JOY, modelFee: 0n, nonce: 5n, worker: second.address }),
      await market.award({ price: 0n, modelFee: 20n * JOY + 1n, nonce: 9n }),
    ];
    const supply = await market.joyToken.read.totalSupply();
    const call = show(awards);
    await call;
    await assertions.emitWithArgs(call, nodes, "Overcommitted", [requester, ESCROW + 1n, ESCROW, BOND, BOND / 2n]);
    assert.equal(await market.joyOf(people.worker), (BOND / 2n) * 3n / 4n);
    assert.equal(await market.joyOf(second), BOND / 2n / 4n);
    assert.equal(await market.joyToken.read.totalSupply(), supply - BOND / 2n);
    assert.deepEqual(await nodes.read.bondOf([requester]), [0n, 0n]);
    await assertions.revertWithCustomErrorWithArgs(show(awards), nodes, "NoBond", [requester]);
  });

  it("is lost even on its way out", async () => {
    await nodes.write.unbond(by);
    await market.networkHelpers.time.increase(UNBONDING);
    await show([await price(ESCROW + 1n, 1n)]);
    await assertions.revertWithCustomError(nodes.write.withdrawBond(by), nodes, "NotUnbonding");
  });

  it("is safe while the escrow covers all awards, to the last unit", async () => {
    await assertions.revertWithCustomErrorWithArgs(
      show([await price(ESCROW / 2n, 1n), await price(ESCROW / 2n, 2n)]), nodes, "Covered", [ESCROW, ESCROW],
    );
  });

  it("is not lost by awards that exclude each other: one counts for each nonce", async () => {
    const awards = [await price(ESCROW, 1n), await price(ESCROW, 1n, { worker: people.secondWorker.address })];
    await assertions.revertWithCustomErrorWithArgs(show(awards), nodes, "AwardNotOutstanding", [1n]);
  });

  it("is not lost by awards that expired, were paid, or are another's", async () => {
    const good = await price(ESCROW, 1n);
    const paid = await price(JOY, 2n);
    await market.settle([paid]);
    await assertions.revertWithCustomErrorWithArgs(show([good, paid]), nodes, "AwardNotOutstanding", [1n]);
    const old = await price(JOY, 3n, { settleDeadline: (await market.now()) - 1n });
    await assertions.revertWithCustomErrorWithArgs(show([good, old]), nodes, "AwardNotOutstanding", [1n]);
    const foreign = await price(JOY, 4n, { requester: people.stranger.address });
    await assertions.revertWithCustomErrorWithArgs(show([good, foreign]), nodes, "AwardNotOutstanding", [1n]);
    await assertions.revertWithCustomErrorWithArgs(
      show([await price(ESCROW + 1n, 1n)], people.stranger), nodes, "InvalidSignature", [requester],
    );
  });

  it("needs as many signatures as awards, and one award", async () => {
    for (const call of [
      nodes.write.reportOvercommitted([[], []]),
      nodes.write.reportOvercommitted([[await price(JOY, 1n)], []]),
    ]) {
      await assertions.revertWithCustomError(call, nodes, "AwardsMismatch");
    }
  });

  it("is lost by amounts that no escrow can hold, and no more than the bond is paid out", async () => {
    const most = 2n ** 256n - 1n;
    const awards = [
      await market.award({ price: most, modelFee: most, nonce: 1n }),
      await market.award({ price: most, modelFee: 0n, nonce: 2n, worker: people.secondWorker.address }),
    ];
    const stakes = await market.joyOf(nodes);
    await show(awards);
    assert.equal(await market.joyOf(nodes), stakes - BOND);
    const paid = (await market.joyOf(people.worker)) + (await market.joyOf(people.secondWorker));
    assert.equal(paid, BOND / 2n);
  });

  it("is burnt where an award names nobody who could be paid", async () => {
    const supply = await market.joyToken.read.totalSupply();
    const stakes = await market.joyOf(nodes);
    const awards = [
      await price(ESCROW, 1n, { worker: nodes.address }), await price(JOY, 2n, { worker: `0x${"00".repeat(20)}` }),
    ];
    await show(awards);
    assert.equal(await market.joyToken.read.totalSupply(), supply - BOND);
    assert.equal(await market.joyOf(nodes), stakes - BOND);
  });

  it("can be lost by a withdrawal that leaves awards uncovered", async () => {
    const { proofOfInference: poi, networkHelpers } = market;
    await poi.write.requestWithdrawal([ESCROW], by);
    await networkHelpers.time.increase(2n * DAY);
    const award = await price(JOY, 1n);
    await assertions.revertWithCustomError(show([award]), nodes, "Covered");
    await poi.write.withdraw(by);
    await show([award]);
  });
});
