import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { zeroAddress } from "viem";

import { freshEach } from "../support/fresh.ts";
import { DAY, JOY, type Market, MODEL, MODEL_FEE, openMarket, people } from "../support/market.ts";

const NOTICE = 2n * DAY;

describe("ModelMarketplace", () => {
  let models: Market["modelMarketplace"];
  let assertions: Market["viem"]["assertions"];
  const owner = people.modelOwner.address;
  const stranger = people.stranger.address;
  const by = { account: owner };
  const minFee = async () => (await models.read.feeOf([MODEL]))[1];

  const market = freshEach(openMarket, () => {
    models = market.modelMarketplace;
    assertions = market.viem.assertions;
  });

  it("keeps what was registered", async () => {
    assert.deepEqual(await models.read.feeOf([MODEL]), [owner, MODEL_FEE]);
    assert.deepEqual(await models.read.modelOf([MODEL]), {
      owner, increaseAt: 0n, retired: false, version: 1, pendingOwner: zeroAddress, price: MODEL_FEE, nextPrice: 0n,
      series: MODEL, licence: "", metadata: "bafkrei",
    });
  });

  it("refuses a second registration, the zero digest and metadata above 1 KiB", async () => {
    await assertions.revertWithCustomErrorWithArgs(
      models.write.register([MODEL, 0n, ""]), models, "AlreadyRegistered", [MODEL, owner],
    );
    await assertions.revertWithCustomError(
      models.write.register([`0x${"00".repeat(32)}`, 0n, ""]), models, "ZeroModelDigest",
    );
    const digest = `0x${"22".repeat(32)}` as const;
    await assertions.revertWithCustomErrorWithArgs(
      models.write.register([digest, 0n, "x".repeat(1025)]), models, "TextTooLong", [1025n, 1024n],
    );
    await models.write.register([digest, 0n, "x".repeat(1024)]);
    assert.equal((await models.read.modelOf([digest])).metadata.length, 1024);
  });

  it("lowers the price at once", async () => {
    await models.write.setPrice([MODEL, 1n], by);
    assert.equal(await minFee(), 1n);
  });

  it("raises the price only after the notice, so that a signed award keeps covering the fee", async () => {
    await models.write.setPrice([MODEL, JOY], by);
    const effective = (await market.now()) + NOTICE;
    assert.equal((await models.read.modelOf([MODEL])).increaseAt, effective);
    const { settled } = await market.settle([await market.award({ modelFee: MODEL_FEE })]);
    assert.equal(settled.length, 1);
    await market.networkHelpers.time.increaseTo(effective - 1n);
    assert.equal(await minFee(), MODEL_FEE);
    await market.networkHelpers.time.increaseTo(effective);
    assert.equal(await minFee(), JOY);
    const { skipped } = await market.settle([await market.award({ nonce: 1n, modelFee: MODEL_FEE })]);
    assert.deepEqual(skipped.map(({ reason }) => reason), ["ModelFeeTooLow"]);
  });

  it("starts the notice anew when an increase is replaced, and drops it on a decrease", async () => {
    await models.write.setPrice([MODEL, JOY], by);
    await market.networkHelpers.time.increase(NOTICE - 60n);
    await models.write.setPrice([MODEL, 2n * JOY], by);
    await market.networkHelpers.time.increase(120n);
    assert.equal(await minFee(), MODEL_FEE);
    await models.write.setPrice([MODEL, 5n], by);
    await market.networkHelpers.time.increase(2n * NOTICE);
    assert.equal(await minFee(), 5n);
  });

  it("counts a second increase from the first one that took effect", async () => {
    await models.write.setPrice([MODEL, JOY], by);
    await market.networkHelpers.time.increase(NOTICE);
    await models.write.setPrice([MODEL, 2n * JOY], by);
    assert.equal(await minFee(), JOY);
    await market.networkHelpers.time.increase(NOTICE);
    assert.equal(await minFee(), 2n * JOY);
  });

  it("hands a model over in two steps, and the fee with it", async () => {
    await models.write.proposeOwner([MODEL, stranger], by);
    assert.equal((await models.read.feeOf([MODEL]))[0], owner);
    await assertions.revertWithCustomError(
      models.write.acceptOwner([MODEL], { account: people.worker.address }), models, "NotPendingOwner",
    );
    await assertions.emitWithArgs(
      models.write.acceptOwner([MODEL], { account: stranger }), models, "OwnerChanged", [MODEL, owner, stranger],
    );
    await market.settle([await market.award()]);
    assert.equal(await market.joyOf(people.stranger), MODEL_FEE);
    await assertions.revertWithCustomErrorWithArgs(
      models.write.setPrice([MODEL, 0n], by), models, "NotModelOwner", [MODEL, owner],
    );
    await assertions.revertWithCustomError(
      models.write.acceptOwner([MODEL], { account: stranger }), models, "NotPendingOwner",
    );
  });

  it("lets a proposal be withdrawn", async () => {
    await models.write.proposeOwner([MODEL, stranger], by);
    await models.write.proposeOwner([MODEL, zeroAddress], by);
    await assertions.revertWithCustomError(
      models.write.acceptOwner([MODEL], { account: stranger }), models, "NotPendingOwner",
    );
  });

  it("retires and takes back", async () => {
    await assertions.emitWithArgs(models.write.retire([MODEL], by), models, "RetiredChanged", [MODEL, true]);
    assert.equal((await models.read.modelOf([MODEL])).retired, true);
    await assertions.emitWithArgs(models.write.unretire([MODEL], by), models, "RetiredChanged", [MODEL, false]);
    assert.equal((await models.read.modelOf([MODEL])).retired, false);
  });

  it("replaces metadata", async () => {
    await models.write.setMetadata([MODEL, "bafybei"], by);
    assert.equal((await models.read.modelOf([MODEL])).metadata, "bafybei");
    await assertions.revertWithCustomError(
      models.write.setMetadata([MODEL, "x".repeat(1025)], by), models, "TextTooLong",
    );
  });

  it("obeys nobody but the model's owner", async () => {
    const other = { account: stranger };
    for (const call of [
      models.write.setPrice([MODEL, 0n], other),
      models.write.setMetadata([MODEL, ""], other),
      models.write.proposeOwner([MODEL, stranger], other),
      models.write.retire([MODEL], other),
      models.write.unretire([MODEL], other),
    ]) {
      await assertions.revertWithCustomErrorWithArgs(call, models, "NotModelOwner", [MODEL, stranger]);
    }
    const unknown = `0x${"22".repeat(32)}` as const;
    await assertions.revertWithCustomErrorWithArgs(
      models.write.retire([unknown], by), models, "UnknownModel", [unknown],
    );
    await assertions.revertWithCustomError(models.write.acceptOwner([unknown], by), models, "NotPendingOwner");
  });
});
