import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import type { Hex } from "viem";

import { freshEach } from "../support/fresh.ts";
import { DAY, JOY, type Market, MODEL, MODEL_FEE, openMarket, people, PRICE } from "../support/market.ts";

const OTHER: Hex = `0x${"22".repeat(32)}`;
const FEE = PRICE / 100n;

describe("ProofOfUse", () => {
  let use: Market["proofOfUse"];
  let assertions: Market["viem"]["assertions"];
  const owner = people.modelOwner;
  const by = { account: owner.address };

  const market = freshEach(() => openMarket({ rewardBps: 5_000 }), async () => {
    use = market.proofOfUse;
    assertions = market.viem.assertions;
    await market.modelMarketplace.write.register([OTHER, 0n, ""], { account: people.stranger.address });
    await market.joyToken.write.approve([use.address, 100n * JOY]);
  });
  beforeEach(async () => {
    // The beginning of an epoch, so that a test stays within one until it says otherwise.
    await market.networkHelpers.time.increaseTo(((await market.now()) / DAY + 1n) * DAY);
  });

  const share = (to: Hex, bps: number) => market.modelMarketplace.write.moveShares([MODEL, [{ to, bps }]], by);
  const nextEpoch = () => market.networkHelpers.time.increase(DAY);
  const epochNow = () => use.read.currentEpoch();

  it("counts by model, by owner and in all, and keeps an epoch's figures", async () => {
    const epoch = await epochNow();
    await market.settle([
      await market.award(), await market.award({ nonce: 1n, modelDigest: OTHER, modelFee: 0n, price: 4n * PRICE }),
    ]);
    const [one, other] = [
      { count: 1, fees: MODEL_FEE, protocolFees: FEE }, { count: 1, fees: 0n, protocolFees: 4n * FEE },
    ];
    assert.deepEqual(await use.read.useOfOwner([owner.address, epoch]), one);
    assert.deepEqual(await use.read.useOfOwner([people.stranger.address, epoch]), other);
    assert.deepEqual(await use.read.totalInEpoch([epoch]), { count: 2, fees: MODEL_FEE, protocolFees: 5n * FEE });
    await nextEpoch();
    await market.settle([await market.award({ nonce: 2n })]);
    assert.deepEqual(await use.read.useInEpoch([MODEL, epoch]), one);
    assert.deepEqual(await use.read.useInEpoch([MODEL, epoch + 1n]), one);
    assert.deepEqual(await use.read.useOf([MODEL]), { count: 2, fees: 2n * MODEL_FEE, protocolFees: 2n * FEE });
  });

  it("splits the protocol fee between treasury and pool without losing a unit", async () => {
    await market.settle([await market.award({ price: 12_345n })]);
    const pool = await use.read.poolOf([await epochNow()]);
    assert.equal(pool.amount, 61n);
    assert.equal(await market.joyOf(people.treasury), 62n);
    assert.equal(await market.joyOf(people.worker), 12_345n - 123n);
    assert.equal(await market.joyOf(use), 61n);
  });

  it("keeps fees that several share until one claims, and pays each to the unit", async () => {
    await share(people.stranger.address, 3_333);
    await share(people.secondWorker.address, 3_333);
    await market.settle([await market.award({ modelFee: MODEL_FEE + 1n })]);
    assert.equal(await market.joyOf(owner), 0n);
    assert.equal(await use.read.royaltiesOf([MODEL]), MODEL_FEE + 1n);
    await assertions.emitWithArgs(
      use.write.claimRoyalties([MODEL]), use, "RoyaltiesClaimed", [MODEL, MODEL_FEE + 1n],
    );
    const part = ((MODEL_FEE + 1n) * 3_333n) / 10_000n;
    assert.equal(await market.joyOf(people.stranger), part);
    assert.equal(await market.joyOf(people.secondWorker), part);
    assert.equal(await market.joyOf(owner), MODEL_FEE + 1n - 2n * part);
    assert.equal(await market.joyOf(use), FEE / 2n, "the pool");
    await assertions.revertWithCustomError(use.write.claimRoyalties([MODEL]), use, "NothingDue");
  });

  it("transfers nothing to a holder whose part rounds to nothing", async () => {
    const moved = [{ to: people.secondWorker.address, bps: 1 }];
    await market.modelMarketplace.write.moveShares([OTHER, moved], { account: people.stranger.address });
    await market.settle([await market.award({ modelDigest: OTHER, modelFee: 1n })]);
    const hash = await use.write.claimRoyalties([OTHER]);
    const { logs } = await (await market.viem.getPublicClient()).getTransactionReceipt({ hash });
    assert.equal(logs.length, 2, "one event of the claim, one transfer");
    assert.equal(await market.joyOf(people.stranger), 1n);
  });

  it("pays the one holder of all shares at once, whoever owns the model", async () => {
    await share(people.stranger.address, 10_000);
    await market.settle([await market.award()]);
    assert.equal(await market.joyOf(people.stranger), MODEL_FEE);
    assert.equal(await use.read.royaltiesOf([MODEL]), 0n);
  });

  it("shares the pool by protocol fees once the epoch is over, once", async () => {
    const epoch = await epochNow();
    await market.settle([
      await market.award({ price: 3n * PRICE }),
      await market.award({ nonce: 1n, modelDigest: OTHER, modelFee: 5n * JOY }),
    ]);
    await assertions.revertWithCustomErrorWithArgs(
      use.write.claimRewards([MODEL, [epoch]]), use, "EpochNotOver", [epoch, epoch],
    );
    await nextEpoch();
    const before_ = await market.joyOf(owner);
    assert.equal(await use.read.rewardOf([MODEL, epoch]), (3n * FEE) / 2n);
    await assertions.emitWithArgs(
      use.write.claimRewards([MODEL, [epoch - 1n, epoch]]), use, "RewardClaimed", [MODEL, epoch, (3n * FEE) / 2n],
    );
    assert.equal(await market.joyOf(owner), before_ + (3n * FEE) / 2n);
    assert.equal(await use.read.rewardOf([MODEL, epoch]), 0n);
    await assertions.revertWithCustomError(use.write.claimRewards([MODEL, [epoch, epoch]]), use, "NothingDue");
    await use.write.claimRewards([OTHER, [epoch, epoch]]);
    assert.deepEqual(await use.read.poolOf([epoch]), { amount: 2n * FEE, claimed: 2n * FEE });
    assert.equal(await market.joyOf(use), 0n);
  });

  it("rewards no more than the protocol fees paid, whatever was given to the pool, and carries the rest", async () => {
    const epoch = await epochNow();
    await assertions.emit(use.write.fund([10n * JOY]), use, "PoolFunded");
    await market.settle([await market.award()]);
    await assertions.revertWithCustomErrorWithArgs(
      use.write.carryOver([epoch]), use, "EpochNotOver", [epoch, epoch],
    );
    await nextEpoch();
    assert.equal(await use.read.rewardOf([MODEL, epoch]), FEE);
    const rest = 10n * JOY + FEE / 2n - FEE;
    await assertions.emitWithArgs(use.write.carryOver([epoch]), use, "PoolCarried", [epoch, epoch + 1n, rest]);
    assert.equal(await use.read.rewardOf([MODEL, epoch]), FEE);
    await assertions.revertWithCustomError(use.write.carryOver([epoch]), use, "NothingDue");
    await use.write.claimRewards([MODEL, [epoch]]);
    assert.equal((await use.read.poolOf([epoch + 1n])).amount, rest);
    assert.equal(await market.joyOf(use), rest);
  });

  it("takes no gift of nothing", async () => {
    await assertions.revertWithCustomError(use.write.fund([0n]), use, "ZeroAmount");
  });
});
