import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Hex } from "viem";

import { freshEach } from "../support/fresh.ts";
import { DAY, JOY, type Market, openMarket, people } from "../support/market.ts";

/** Ed25519 peer id: identity multihash of the 36-byte protobuf of the key. */
const PEER: Hex = `0x002408011220${"5a".repeat(32)}`;
const OTHER_PEER: Hex = `0x1220${"6b".repeat(32)}`;
const STAKE = 10n * JOY;
const UNBONDING = 7n * DAY;

describe("NodeCoordinator", () => {
  let nodes: Market["nodeCoordinator"];
  let assertions: Market["viem"]["assertions"];
  const worker = people.worker.address;
  const by = { account: worker };
  const second = { account: people.secondWorker.address };

  const market = freshEach(openMarket, async () => {
    nodes = market.nodeCoordinator;
    assertions = market.viem.assertions;
    for (const account of [worker, people.secondWorker.address]) {
      await market.joyToken.write.transfer([account, 100n * JOY]);
      await market.joyToken.write.approve([nodes.address, 100n * JOY], { account });
    }
  });

  it("binds a peer id to the account and takes the stake", async () => {
    await assertions.emitWithArgs(nodes.write.register([PEER, 4, STAKE], by), nodes, "NodeRegistered", [
      worker, PEER, 4, STAKE,
    ]);
    const [node, record] = await nodes.read.nodeOf([worker]);
    assert.deepEqual(node, { peerId: PEER, stake: STAKE, capacity: 4, withdrawableAt: 0n });
    assert.deepEqual(record, { settled: 0n, missed: 0n, epoch: 0n, settledInEpoch: 0n });
    assert.equal(await nodes.read.accountOf([PEER]), worker);
    assert.equal(await market.joyOf(nodes), STAKE);
    assert.equal(await nodes.read.isActive([worker, STAKE]), true);
    assert.equal(await nodes.read.isActive([worker, STAKE + 1n]), false);
    assert.equal(await nodes.read.isActive([people.stranger.address, 0n]), false);
  });

  it("keeps one node an account and one account a peer id", async () => {
    await nodes.write.register([PEER, 4, STAKE], by);
    await assertions.revertWithCustomErrorWithArgs(
      nodes.write.register([OTHER_PEER, 4, STAKE], by), nodes, "AlreadyRegistered", [worker],
    );
    await assertions.revertWithCustomErrorWithArgs(
      nodes.write.register([PEER, 4, STAKE], second), nodes, "PeerIdTaken", [PEER, worker],
    );
  });

  for (const [what, peerId] of [
    ["empty bytes", "0x"],
    ["an unknown hash function", `0x1320${"5a".repeat(32)}`],
    ["a wrong length byte", `0x1220${"5a".repeat(31)}`],
    ["a length that is not there", "0x0000"],
    ["65 bytes", `0x003f${"5a".repeat(63)}`],
  ] as [string, Hex][]) {
    it(`refuses ${what} as a peer id`, async () => {
      await assertions.revertWithCustomErrorWithArgs(
        nodes.write.register([peerId, 4, STAKE], by), nodes, "InvalidPeerId", [peerId],
      );
    });
  }

  it("refuses no capacity, too little stake and stake that is not there", async () => {
    await assertions.revertWithCustomError(nodes.write.register([PEER, 0, STAKE], by), nodes, "ZeroCapacity");
    await assertions.revertWithCustomErrorWithArgs(
      nodes.write.register([PEER, 1, JOY - 1n], by), nodes, "StakeTooLow", [JOY - 1n, JOY],
    );
    await assertions.revertWithCustomError(
      nodes.write.register([PEER, 1, 101n * JOY], by), market.joyToken, "ERC20InsufficientAllowance",
    );
  });

  it("counts the capacity alone where no stake is asked for", async () => {
    const free = await market.viem.deployContract("NodeCoordinator", [market.joyToken.address, 0n, UNBONDING]);
    await free.write.register([PEER, 4, 0n], by);
    assert.deepEqual(await free.read.loadOf([worker]), [4n, 0n]);
  });

  it("adds stake and changes capacity", async () => {
    await nodes.write.register([PEER, 4, STAKE], by);
    await assertions.emitWithArgs(nodes.write.addStake([JOY], by), nodes, "StakeAdded", [worker, JOY, STAKE + JOY]);
    await assertions.emitWithArgs(nodes.write.setCapacity([9], by), nodes, "CapacityChanged", [worker, 9]);
    const [node] = await nodes.read.nodeOf([worker]);
    assert.deepEqual([node.stake, node.capacity], [STAKE + JOY, 9]);
    assert.equal(await market.joyOf(nodes), STAKE + JOY);
    await assertions.revertWithCustomError(nodes.write.addStake([0n], by), nodes, "ZeroAmount");
    await assertions.revertWithCustomError(nodes.write.setCapacity([0], by), nodes, "ZeroCapacity");
  });

  it("asks for a node first", async () => {
    for (const call of [
      nodes.write.addStake([1n], by),
      nodes.write.setCapacity([1], by),
      nodes.write.deactivate(by),
      nodes.write.reactivate(by),
      nodes.write.withdraw(by),
    ]) {
      await assertions.revertWithCustomErrorWithArgs(call, nodes, "NotRegistered", [worker]);
    }
  });

  it("returns the stake after the unbonding delay, not a second earlier, and frees the peer id", async () => {
    await nodes.write.register([PEER, 4, STAKE], by);
    await assertions.revertWithCustomError(nodes.write.withdraw(by), nodes, "StillActive");
    await nodes.write.deactivate(by);
    const due = (await market.now()) + UNBONDING;
    assert.equal((await nodes.read.nodeOf([worker]))[0].withdrawableAt, due);
    assert.equal(await nodes.read.isActive([worker, 0n]), false);
    await assertions.revertWithCustomError(nodes.write.deactivate(by), nodes, "NotActive");
    await market.networkHelpers.time.setNextBlockTimestamp(due - 1n);
    await assertions.revertWithCustomErrorWithArgs(nodes.write.withdraw(by), nodes, "StillBonded", [due]);
    await market.networkHelpers.time.setNextBlockTimestamp(due);
    await assertions.emitWithArgs(nodes.write.withdraw(by), nodes, "NodeWithdrawn", [worker, PEER, STAKE]);
    assert.equal(await market.joyOf(people.worker), 100n * JOY);
    assert.equal(await market.joyOf(nodes), 0n);
    await nodes.write.register([PEER, 1, STAKE], second);
    assert.equal(await nodes.read.accountOf([PEER]), people.secondWorker.address);
  });

  it("ends the unbonding when a node comes back", async () => {
    await nodes.write.register([PEER, 4, STAKE], by);
    await assertions.revertWithCustomError(nodes.write.reactivate(by), nodes, "StillActive");
    await nodes.write.deactivate(by);
    await market.networkHelpers.time.increase(UNBONDING);
    await nodes.write.reactivate(by);
    assert.equal(await nodes.read.isActive([worker, STAKE]), true);
    await assertions.revertWithCustomError(nodes.write.withdraw(by), nodes, "StillActive");
  });

  it("keeps the record of an account whose node has left", async () => {
    await nodes.write.register([PEER, 4, STAKE], by);
    await market.settle([await market.award()]);
    await nodes.write.deactivate(by);
    await market.networkHelpers.time.increase(UNBONDING);
    await nodes.write.withdraw(by);
    const [node, record] = await nodes.read.nodeOf([worker]);
    assert.equal(node.peerId, "0x");
    assert.equal(record.settled, 1n);
  });

  it("takes records from the settlement contract alone", async () => {
    assert.equal(
      (await nodes.read.settlement()).toLowerCase(), market.proofOfInference.address.toLowerCase(),
    );
    await assertions.revertWithCustomErrorWithArgs(
      nodes.write.recordSettled([worker, 1n], by), nodes, "NotSettlement", [worker],
    );
    const task: Hex = `0x${"01".repeat(32)}`;
    await assertions.revertWithCustomErrorWithArgs(
      nodes.write.recordAnswered([task, worker], by), nodes, "NotSettlement", [worker],
    );
    await assertions.revertWithCustomErrorWithArgs(
      nodes.write.slashRescued([task, worker, worker, worker], by), nodes, "NotSettlement", [worker],
    );
    await assertions.revertWithCustomErrorWithArgs(
      market.proofOfUse.write.record([PEER.slice(0, 66) as Hex, 1n, 1n, 1n, 1n], by),
      market.proofOfUse, "NotSettlement", [worker],
    );
  });
});
