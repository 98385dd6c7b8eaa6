import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Hex } from "viem";

import type { Award } from "../../scripts/typed-data.ts";
import { freshEach } from "../support/fresh.ts";
import { JOY, type Market, openMarket, PAYOUT, people } from "../support/market.ts";
import { journalDigest, merklePath, merkleRoot } from "../support/merkle.ts";

/** Siblings of the subtree of `width` leaves at `first`, by collapsing every subtree of that width to its root. */
function slicePath(leaves: Hex[], first: number, width: number) {
  const nodes: Hex[] = [];
  for (let at = 0; at < leaves.length; at += width) nodes.push(merkleRoot(leaves.slice(at, at + width)));
  return { count: leaves.length, first, path: merklePath(nodes, first / width) };
}

describe("a batch that is proved once", () => {
  let poi: Market["proofOfInference"];
  let assertions: Market["viem"]["assertions"];
  const COUNT = 7;

  const market = freshEach(openMarket, () => {
    poi = market.proofOfInference;
    assertions = market.viem.assertions;
  });

  const batch = async () => {
    const awards: Award[] = [];
    for (let nonce = 0n; nonce < COUNT; ++nonce) awards.push(await market.award({ price: JOY, nonce }));
    return { awards, ...(await market.prove(awards)) };
  };
  const proveIt = async (leaves: Hex[]) =>
    poi.write.proveBatch([leaves.length, merkleRoot(leaves), await market.seal()]);
  const settleSlice = async (
    { args, leaves }: Awaited<ReturnType<typeof batch>>, first: number, tasks: number, width = tasks,
  ) => {
    const [awards, signatures, outputs] = args;
    const part = <T>(list: readonly T[]) => list.slice(first, first + tasks);
    const slice = slicePath(leaves, first, width);
    return poi.write.settleSlice([part(awards), part(signatures), part(outputs), slice, PAYOUT.Direct]);
  };

  it("is settled in slices by any number of transactions, in any order", async () => {
    const all = await batch();
    await assertions.emitWithArgs(proveIt(all.leaves), poi, "BatchVerified", [journalDigest(all.leaves), BigInt(COUNT)]);
    assert.equal(await poi.read.isProven([journalDigest(all.leaves)]), true);
    let paid = 0;
    for (const [first, tasks, width] of [[4, 2, 2], [0, 4, 4], [6, 1, 1]] as const) {
      const { settled } = await market.settledBy(await settleSlice(all, first, tasks, width));
      paid += settled.length;
    }
    assert.equal(paid, COUNT);
  });

  it("is settled by its last slice, which is no power of two", async () => {
    const all = await batch();
    await proveIt(all.leaves);
    assert.equal((await market.settledBy(await settleSlice(all, 4, 3, 4))).settled.length, 3);
  });

  it("is not verified again: settled whole, in slices and whole again with no seal", async () => {
    const all = await batch();
    await poi.write.settleBatch(all.args);
    const [awards, signatures, outputs] = all.args;
    const again = await market.settledBy(
      await poi.write.settleBatch([awards, signatures, outputs, "0x", PAYOUT.Direct]),
    );
    assert.deepEqual(again.skipped.map(({ reason }) => reason), Array(COUNT).fill("NonceUsed"));
    await proveIt(all.leaves);
  });

  it("pays later what the escrow did not cover at first, without another proof", async () => {
    const award = await market.award({ price: 150n * JOY });
    const all = await market.prove([award]);
    const first = await market.settledBy(await poi.write.settleBatch(all.args));
    assert.deepEqual(first.skipped.map(({ reason }) => reason), ["InsufficientEscrow"]);
    await poi.write.deposit([60n * JOY], { account: people.requester.address });
    const [awards, signatures, outputs] = all.args;
    const second = await market.settledBy(
      await poi.write.settleBatch([awards, signatures, outputs, "0x", PAYOUT.Direct]),
    );
    assert.equal(second.settled.length, 1);
  });

  it("is nothing before it is proved", async () => {
    const all = await batch();
    await assertions.revertWithCustomErrorWithArgs(
      settleSlice(all, 0, 4), poi, "NotProven", [journalDigest(all.leaves)],
    );
    await assertions.revertWithCustomError(
      poi.write.proveBatch([COUNT + 1, merkleRoot(all.leaves), await market.seal()]), market.zkVerifier,
      "VerificationFailed",
    );
  });

  it("refuses slices that are no subtree, and paths that do not fit", async () => {
    const all = await batch();
    await proveIt(all.leaves);
    for (const [first, tasks, width] of [[1, 2, 1], [2, 4, 2], [0, 3, 1], [5, 2, 1]] as const) {
      await assert.rejects(settleSlice(all, first, tasks, width), /InvalidSlice/);
    }
    const [awards, signatures, outputs] = all.args;
    const slice = slicePath(all.leaves, 0, 1);
    const settle = (change: object) =>
      poi.write.settleSlice([
        [awards[0]!], [signatures[0]!], [outputs[0]!], { ...slice, ...change }, PAYOUT.Direct,
      ]);
    for (const path of [slice.path.slice(1), [...slice.path, slice.path[0]!], []]) {
      await assertions.revertWithCustomError(settle({ path }), poi, "InvalidSlice");
    }
    await assertions.revertWithCustomError(settle({ path: slice.path.toReversed() }), poi, "NotProven");
    await assertions.revertWithCustomError(settle({ first: 2 }), poi, "NotProven");
    await assertions.revertWithCustomError(settle({ count: 5 }), poi, "NotProven");
    await assertions.revertWithCustomError(settle({ count: 0 }), poi, "InvalidSlice");
    assert.equal((await market.settledBy(await settle({}))).settled.length, 1);
  });
});
