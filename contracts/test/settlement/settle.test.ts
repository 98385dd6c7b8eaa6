import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Hex } from "viem";

import { freshEach } from "../support/fresh.ts";
import { DAY, ESCROW, JOY, type Market, MODEL, MODEL_FEE, openMarket, PAYOUT, people, PRICE } from "../support/market.ts";

const PROTOCOL_FEE = PRICE / 100n;
const OTHER_MODEL: Hex = `0x${"22".repeat(32)}`;

describe("settleBatch", () => {

  const market = freshEach(openMarket);

  const skipsFor = async (change: Parameters<Market["award"]>[0]) => {
    const { skipped, settled } = await market.settle([await market.award(change)]);
    assert.equal(settled.length, 0);
    assert.equal(await market.proofOfInference.read.escrowOf([people.requester.address]), ESCROW);
    return skipped.map(({ reason }) => reason);
  };

  it("pays worker, model owner and treasury from the requester's escrow", async () => {
    const { settled, skipped, taskIds } = await market.settle([await market.award()]);
    assert.deepEqual(skipped, []);
    assert.equal(await market.joyOf(people.worker), PRICE - PROTOCOL_FEE);
    assert.equal(await market.joyOf(people.modelOwner), MODEL_FEE);
    assert.equal(await market.joyOf(people.treasury), PROTOCOL_FEE);
    const left = ESCROW - PRICE - MODEL_FEE;
    assert.equal(await market.proofOfInference.read.escrowOf([people.requester.address]), left);
    assert.equal(await market.joyOf(market.proofOfInference), left);
    const [event] = settled;
    assert.equal(event?.taskId, taskIds[0]);
    assert.equal(event?.requester, people.requester.address);
    assert.equal(event?.worker, people.worker.address);
    assert.equal(event?.modelDigest, MODEL);
    assert.deepEqual([event?.price, event?.modelFee, event?.protocolFee], [PRICE, MODEL_FEE, PROTOCOL_FEE]);
  });

  it("records the settled work of the worker and the use of the model", async () => {
    await market.settle([await market.award({ nonce: 1n }), await market.award({ nonce: 2n })]);
    const [, record] = await market.nodeCoordinator.read.nodeOf([people.worker.address]);
    assert.deepEqual([record.settled, record.missed], [2n, 0n]);
    const epoch = await market.proofOfUse.read.currentEpoch();
    const expected = { count: 2, fees: 2n * MODEL_FEE, protocolFees: 2n * PROTOCOL_FEE };
    assert.deepEqual(await market.proofOfUse.read.useOf([MODEL]), expected);
    assert.deepEqual(await market.proofOfUse.read.useInEpoch([MODEL, epoch]), expected);
    assert.deepEqual(await market.proofOfUse.read.totalInEpoch([epoch]), expected);
  });

  it("pays each of several workers and model owners what is theirs, in any order", async () => {
    await market.modelMarketplace.write.register([OTHER_MODEL, 0n, ""], { account: people.stranger.address });
    const fees = [3n, 5n, 7n, 11n, 13n].map((fee) => fee * JOY);
    const awards = await Promise.all(
      fees.map((modelFee, index) =>
        market.award({
          nonce: BigInt(index),
          modelFee,
          worker: (index % 2 ? people.secondWorker : people.worker).address,
          modelDigest: index % 3 ? OTHER_MODEL : MODEL,
        }),
      ),
    );
    const { settled } = await market.settle(awards);
    assert.equal(settled.length, 5);
    assert.equal(await market.joyOf(people.worker), 3n * (PRICE - PROTOCOL_FEE));
    assert.equal(await market.joyOf(people.secondWorker), 2n * (PRICE - PROTOCOL_FEE));
    assert.equal(await market.joyOf(people.modelOwner), 14n * JOY);
    assert.equal(await market.joyOf(people.stranger), 25n * JOY);
    const [, record] = await market.nodeCoordinator.read.nodeOf([people.worker.address]);
    assert.equal(record.settled, 3n);
    assert.deepEqual(await market.proofOfUse.read.useOf([OTHER_MODEL]), { count: 3, fees: 25n * JOY, protocolFees: 3n * PROTOCOL_FEE });
  });

  it("pays at the very second of the deadline and not after", async () => {
    const award = await market.award();
    const late = await market.award({ nonce: 1n, settleDeadline: award.settleDeadline - 1n });
    const { args, taskIds } = await market.prove([award, late]);
    await market.networkHelpers.time.setNextBlockTimestamp(award.settleDeadline);
    await market.viem.assertions.emitWithArgs(
      market.proofOfInference.write.settleBatch(args), market.proofOfInference, "AwardSkipped", [taskIds[1], 3],
    );
    assert.equal(await market.proofOfInference.read.isNonceUsed([people.requester.address, 0n]), true);
    assert.equal(await market.proofOfInference.read.isNonceUsed([people.requester.address, 1n]), false);
  });

  it("skips BadSignature", async () => {
    const { skipped } = await market.settle([await market.award()], people.stranger);
    assert.deepEqual(skipped.map(({ reason }) => reason), ["BadSignature"]);
  });

  it("skips BadSignature for an empty, a short and a high-s signature", async () => {
    const { args } = await market.prove([await market.award()]);
    const [awards, [signature], outputs, seal] = args;
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const s = (order - BigInt(`0x${signature!.slice(66, 130)}`)).toString(16).padStart(64, "0");
    const v = signature!.endsWith("1b") ? "1c" : "1b";
    const highS: Hex = `0x${signature!.slice(2, 66)}${s}${v}`;
    for (const bad of ["0x", signature!.slice(0, 130) as Hex, highS] as Hex[]) {
      await market.viem.assertions.emit(
        market.proofOfInference.write.settleBatch([awards, [bad], outputs, seal, PAYOUT.Direct]),
        market.proofOfInference,
        "AwardSkipped",
      );
      assert.equal(await market.proofOfInference.read.isNonceUsed([people.requester.address, 0n]), false);
    }
    await market.proofOfInference.write.settleBatch(args);
    assert.equal(await market.proofOfInference.read.isNonceUsed([people.requester.address, 0n]), true);
  });

  it("skips NonceUsed for the second of two in a batch and in a later batch", async () => {
    const { skipped, settled, taskIds } = await market.settle([
      await market.award({ nonce: 300n }),
      await market.award({ nonce: 300n, price: 1n }),
    ]);
    assert.equal(settled.length, 1);
    assert.deepEqual(skipped, [{ taskId: taskIds[1], reason: "NonceUsed" }]);
    const again = await market.settle([await market.award({ nonce: 300n })]);
    assert.deepEqual(again.skipped.map(({ reason }) => reason), ["NonceUsed"]);
    assert.equal(await market.joyOf(people.worker), PRICE - PROTOCOL_FEE);
  });

  it("skips Expired", async () => {
    assert.deepEqual(await skipsFor({ settleDeadline: (await market.now()) - 1n }), ["Expired"]);
  });

  it("skips TooFarAhead, up to the largest deadline", async () => {
    const time = await market.now();
    assert.deepEqual(await skipsFor({ settleDeadline: time + DAY + 60n }), ["TooFarAhead"]);
    assert.deepEqual(await skipsFor({ settleDeadline: 2n ** 64n - 1n }), ["TooFarAhead"]);
  });

  it("skips InvalidWorker for the zero address and for the settlement contract itself", async () => {
    assert.deepEqual(await skipsFor({ worker: `0x${"00".repeat(20)}` }), ["InvalidWorker"]);
    assert.deepEqual(await skipsFor({ worker: market.proofOfInference.address }), ["InvalidWorker"]);
  });

  it("skips UnknownModel, for the zero digest too", async () => {
    assert.deepEqual(await skipsFor({ modelDigest: OTHER_MODEL }), ["UnknownModel"]);
    assert.deepEqual(await skipsFor({ modelDigest: `0x${"00".repeat(32)}` }), ["UnknownModel"]);
  });

  it("skips ModelFeeTooLow", async () => {
    assert.deepEqual(await skipsFor({ modelFee: MODEL_FEE - 1n }), ["ModelFeeTooLow"]);
  });

  it("skips InsufficientEscrow by price, by fee, and for amounts whose sum overflows", async () => {
    assert.deepEqual(await skipsFor({ price: ESCROW }), ["InsufficientEscrow"]);
    assert.deepEqual(await skipsFor({ modelFee: ESCROW }), ["InsufficientEscrow"]);
    const most = 2n ** 256n - 1n;
    assert.deepEqual(await skipsFor({ price: most, modelFee: most }), ["InsufficientEscrow"]);
  });

  it("pays what the escrow covers and skips the rest, so that one award cannot sink the batch", async () => {
    const price = 40n * JOY;
    const awards = await Promise.all([0n, 1n, 2n].map((nonce) => market.award({ nonce, price })));
    const { settled, skipped, taskIds } = await market.settle(awards);
    assert.equal(settled.length, 2);
    assert.deepEqual(skipped, [{ taskId: taskIds[2], reason: "InsufficientEscrow" }]);
    assert.equal(await market.joyOf(market.proofOfInference), ESCROW - 2n * (price + MODEL_FEE));
  });

  it("still pays awards for a retired model", async () => {
    await market.modelMarketplace.write.retire([MODEL], { account: people.modelOwner.address });
    assert.equal((await market.settle([await market.award()])).settled.length, 1);
  });

  it("pays a free task: nothing moves but the nonce and the records", async () => {
    await market.modelMarketplace.write.setPrice([MODEL, 0n], { account: people.modelOwner.address });
    const { settled } = await market.settle([await market.award({ price: 0n, modelFee: 0n })]);
    assert.equal(settled.length, 1);
    assert.equal(await market.joyOf(market.proofOfInference), ESCROW);
    const [, record] = await market.nodeCoordinator.read.nodeOf([people.worker.address]);
    assert.equal(record.settled, 1n);
  });

  it("rounds the protocol fee down", async () => {
    const { settled } = await market.settle([await market.award({ price: 199n })]);
    assert.equal(settled[0]?.protocolFee, 1n);
    assert.equal(await market.joyOf(people.worker), 198n);
  });

  it("accepts a batch of 256, whose tree is full, and of 255, 3 and 5, whose trees are not", async () => {
    let nonce = 0n;
    for (const count of [256, 255, 3, 5]) {
      const awards = await Promise.all(
        Array.from({ length: count }, () => market.award({ nonce: nonce++, price: JOY / 1000n })),
      );
      if (count > 100) await market.modelMarketplace.write.setPrice([MODEL, 0n], { account: people.modelOwner.address });
      const { settled } = await market.settle(awards.map((award) => ({ ...award, modelFee: 0n })));
      assert.equal(settled.length, count);
    }
  });
});
