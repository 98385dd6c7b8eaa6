import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { encodeFunctionData, type Hex, zeroAddress, zeroHash } from "viem";

import { freshEach } from "../support/fresh.ts";
import { JOY, type Market, MODEL, MODEL_FEE, openMarket, people } from "../support/market.ts";

const SECOND: Hex = `0x${"22".repeat(32)}`;
const THIRD: Hex = `0x${"33".repeat(32)}`;

describe("versions, licence and shares of a model", () => {
  let models: Market["modelMarketplace"];
  let assertions: Market["viem"]["assertions"];
  const owner = people.modelOwner.address;
  const [first, second, stranger] = [people.worker, people.secondWorker, people.stranger].map((who) => who.address);
  const by = { account: owner };

  const market = freshEach(openMarket, () => {
    models = market.modelMarketplace;
    assertions = market.viem.assertions;
  });

  const shares = async (digest: Hex = MODEL) =>
    Object.fromEntries((await models.read.sharesOf([digest])).map(({ to, bps }) => [to, bps]));
  const move = (to: Hex, bps: number, from: Hex = owner) =>
    models.write.moveShares([MODEL, [{ to, bps }]], { account: from });

  it("numbers the versions of a series and knows the newest of each", async () => {
    await assertions.emitWithArgs(
      models.write.registerVersion([MODEL, SECOND, 2n * JOY, "second"], by), models, "VersionRegistered",
      [MODEL, SECOND, 2],
    );
    await models.write.registerVersion([SECOND, THIRD, 0n, "third"], by);
    const versions = await Promise.all(([MODEL, SECOND, THIRD] as const).map((model) => models.read.modelOf([model])));
    assert.deepEqual(versions.map(({ version }) => version), [1, 2, 3]);
    assert.deepEqual(versions.map(({ series }) => series), [MODEL, MODEL, MODEL]);
    for (const model of [MODEL, SECOND, THIRD]) assert.equal(await models.read.latestOf([model]), THIRD);
    assert.equal(await models.read.latestOf([`0x${"44".repeat(32)}`]), zeroHash);
    await assertions.revertWithCustomErrorWithArgs(
      models.write.registerVersion([SECOND, `0x${"44".repeat(32)}`, 0n, ""], by), models, "NotLatestVersion",
      [SECOND, THIRD],
    );
  });

  it("keeps licence and shares in a new version, and changes nothing of the one before", async () => {
    await models.write.setLicence([MODEL, "Apache-2.0"], by);
    await move(first!, 2_500);
    const older = await models.read.modelOf([MODEL]);
    await models.write.registerVersion([MODEL, SECOND, 1n, ""], by);
    assert.equal((await models.read.modelOf([SECOND])).licence, "Apache-2.0");
    assert.deepEqual(await shares(SECOND), { [owner]: 7_500, [first!]: 2_500 });
    assert.deepEqual(await models.read.modelOf([MODEL]), older);
    await models.write.moveShares([SECOND, [{ to: stranger!, bps: 7_500 }]], by);
    assert.deepEqual(await shares(MODEL), { [owner]: 7_500, [first!]: 2_500 });
  });

  it("lets only the owner of a model add the next version, and never over a registered model", async () => {
    await assertions.revertWithCustomErrorWithArgs(
      models.write.registerVersion([MODEL, SECOND, 1n, ""], { account: stranger }), models, "NotModelOwner",
      [MODEL, stranger],
    );
    await models.write.register([SECOND, 1n, ""], { account: stranger });
    await assertions.revertWithCustomErrorWithArgs(
      models.write.registerVersion([MODEL, SECOND, 1n, ""], by), models, "AlreadyRegistered", [SECOND, stranger],
    );
    await assertions.revertWithCustomErrorWithArgs(
      models.write.registerVersion([THIRD, SECOND, 1n, ""], by), models, "UnknownModel", [THIRD],
    );
  });

  it("pays open awards for a retired or followed version", async () => {
    const award = await market.award();
    await models.write.registerVersion([MODEL, SECOND, 5n * JOY, ""], by);
    await models.write.retire([MODEL], by);
    const { settled } = await market.settle([award]);
    assert.equal(settled.length, 1);
    assert.equal(await market.joyOf(people.modelOwner), MODEL_FEE);
  });

  it("keeps a licence of at most 128 bytes, set by the owner", async () => {
    const cid = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    await assertions.emitWithArgs(models.write.setLicence([MODEL, cid], by), models, "LicenceChanged", [MODEL, cid]);
    assert.equal((await models.read.modelOf([MODEL])).licence, cid);
    await assertions.revertWithCustomErrorWithArgs(
      models.write.setLicence([MODEL, "x".repeat(129)], by), models, "TextTooLong", [129n, 128n],
    );
    await assertions.revertWithCustomError(
      models.write.setLicence([MODEL, ""], { account: stranger }), models, "NotModelOwner",
    );
  });

  it("registers with licence and shares in one transaction", async () => {
    const call = (functionName: "setLicence" | "moveShares" | "register", args: readonly unknown[]) =>
      encodeFunctionData({ abi: models.abi, functionName, args: args as never });
    await models.write.multicall([[
      call("register", [SECOND, 3n, ""]),
      call("setLicence", [SECOND, "MIT"]),
      call("moveShares", [SECOND, [{ to: first, bps: 1 }, { to: second, bps: 9_999 }]]),
    ]], by);
    assert.deepEqual(await shares(SECOND), { [first!]: 1, [second!]: 9_999 });
    assert.equal((await models.read.modelOf([SECOND])).owner, owner);
    assert.deepEqual(await models.read.holderOf([SECOND]), [owner, zeroAddress]);
  });

  it("leaves everything with the owner until shares move, and the shares always add up to the whole", async () => {
    assert.deepEqual(await shares(), { [owner]: 10_000 });
    assert.deepEqual(await models.read.holderOf([MODEL]), [owner, owner]);
    assert.deepEqual(await shares(THIRD), {});
    assert.deepEqual(await models.read.holderOf([THIRD]), [zeroAddress, zeroAddress]);
    await assertions.emitWithArgs(move(first!, 4_000), models, "ShareMoved", [MODEL, owner, first, 4_000]);
    await move(second!, 1_000, first);
    await move(owner, 500, first);
    await move(first!, 2_500, first);
    assert.deepEqual(await shares(), { [owner]: 6_500, [first!]: 2_500, [second!]: 1_000 });
    await move(second!, 2_500, first);
    await move(second!, 6_500);
    assert.deepEqual(await shares(), { [second!]: 10_000 });
    assert.deepEqual(await models.read.holderOf([MODEL]), [owner, second]);
  });

  it("moves a share by its holder's will alone", async () => {
    await move(first!, 4_000);
    await assertions.revertWithCustomErrorWithArgs(
      move(owner, 6_001), models, "ShareTooSmall", [MODEL, owner, 6_001n, 6_000n],
    );
    await assertions.revertWithCustomErrorWithArgs(
      move(stranger!, 1, stranger), models, "ShareTooSmall", [MODEL, stranger, 1n, 0n],
    );
    await assertions.revertWithCustomErrorWithArgs(
      models.write.moveShares([THIRD, []], by), models, "UnknownModel", [THIRD],
    );
    await assertions.revertWithCustomErrorWithArgs(move(zeroAddress, 1), models, "InvalidShare", [zeroAddress, 1]);
    await assertions.revertWithCustomErrorWithArgs(move(first!, 0), models, "InvalidShare", [first, 0]);
  });

  it("has room for eight holders", async () => {
    const to = (index: number): Hex => `0x${(0xa0 + index).toString(16).padStart(40, "0")}`;
    const many = Array.from({ length: 8 }, (_, index) => ({ to: to(index), bps: 100 }));
    await assertions.revertWithCustomErrorWithArgs(
      models.write.moveShares([MODEL, many], by), models, "TooManyHolders", [9n, 8n],
    );
    many[7]!.bps = 9_300;
    await models.write.moveShares([MODEL, many], by);
    assert.equal((await models.read.sharesOf([MODEL])).length, 8);
  });

  it("hands the owner's share over with the model, and nobody else's", async () => {
    await move(first!, 4_000);
    await models.write.proposeOwner([MODEL, stranger!], by);
    await assertions.emitWithArgs(
      models.write.acceptOwner([MODEL], { account: stranger }), models, "ShareMoved", [MODEL, owner, stranger, 6_000],
    );
    assert.deepEqual(await shares(), { [stranger!]: 6_000, [first!]: 4_000 });
  });

  it("hands over a model whose owner holds nothing of it", async () => {
    await move(first!, 10_000);
    await models.write.proposeOwner([MODEL, stranger!], by);
    await models.write.acceptOwner([MODEL], { account: stranger });
    assert.deepEqual(await shares(), { [first!]: 10_000 });
    assert.equal((await models.read.modelOf([MODEL])).owner, stranger);
  });
});
