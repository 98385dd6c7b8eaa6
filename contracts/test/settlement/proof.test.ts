import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";

import type { Hex } from "viem";

import { type Market, openMarket, PAYOUT, people } from "../support/market.ts";

describe("settleBatch binds the proof to exactly these tasks", () => {
  let market: Market;
  let args: Awaited<ReturnType<Market["prove"]>>["args"];
  let fresh: Awaited<ReturnType<Market["networkHelpers"]["takeSnapshot"]>>;

  before(async () => {
    market = await openMarket();
    ({ args } = await market.prove([
      await market.award({ nonce: 0n }),
      await market.award({ nonce: 1n }),
      await market.award({ nonce: 2n }),
    ]));
    fresh = await market.networkHelpers.takeSnapshot();
  });
  beforeEach(async () => fresh.restore());

  type Refusal = "VerificationFailed" | "UnknownSelector" | "SealTooShort";
  const refused = async (changed: readonly unknown[], error: Refusal = "VerificationFailed") => {
    const call = market.proofOfInference.write.settleBatch([...changed, PAYOUT.Direct] as unknown as typeof args);
    await market.viem.assertions.revertWithCustomError(call, market.zkVerifier, error);
  };

  it("accepts the batch as proved", async () => {
    await market.proofOfInference.write.settleBatch(args);
    assert.equal(await market.proofOfInference.read.isNonceUsed([people.requester.address, 2n]), true);
  });

  it("refuses another output", async () => {
    const [awards, signatures, outputs, seal] = args;
    const other: Hex = `0x${"ab".repeat(32)}`;
    await refused([awards, signatures, [outputs[0], other, outputs[2]], seal]);
  });

  it("refuses swapped outputs", async () => {
    const [awards, signatures, outputs, seal] = args;
    await refused([awards, signatures, [outputs[1], outputs[0], outputs[2]], seal]);
  });

  it("refuses another order, a missing task and a repeated one", async () => {
    const [[a, b, c], [sa, sb, sc], [oa, ob, oc], seal] = args;
    await refused([[b, a, c], [sb, sa, sc], [ob, oa, oc], seal]);
    await refused([[a, b], [sa, sb], [oa, ob], seal]);
    await refused([[a, b, c, c], [sa, sb, sc, sc], [oa, ob, oc, oc], seal]);
  });

  it("refuses an award with another price", async () => {
    const [[a, b, c], signatures, outputs, seal] = args;
    await refused([[{ ...a!, price: 1n }, b, c], signatures, outputs, seal]);
  });

  it("refuses an unknown selector and a seal without one", async () => {
    const [awards, signatures, outputs] = args;
    await refused([awards, signatures, outputs, "0xdeadbeef00"], "UnknownSelector");
    await refused([awards, signatures, outputs, "0x7e57c0"], "SealTooShort");
  });

  it("refuses an empty batch, one above the maximum, and lists of different lengths", async () => {
    const [awards, signatures, outputs, seal] = args;
    const poi = market.proofOfInference;
    const { revertWithCustomErrorWithArgs } = market.viem.assertions;
    await revertWithCustomErrorWithArgs(
      poi.write.settleBatch([[], [], [], seal, PAYOUT.Direct]), poi, "InvalidBatchSize", [0n, 256n],
    );
    const many = <T>(one: T): T[] => Array.from({ length: 257 }, () => one);
    await revertWithCustomErrorWithArgs(
      poi.simulate.settleBatch([many(awards[0]!), many(signatures[0]!), many(outputs[0]!), seal, PAYOUT.Direct], { gas: 16_777_216n }),
      poi, "InvalidBatchSize", [257n, 256n],
    );
    await revertWithCustomErrorWithArgs(
      poi.write.settleBatch([awards, signatures.slice(1), outputs, seal, PAYOUT.Direct]), poi, "LengthMismatch", [3n, 2n, 3n],
    );
    await revertWithCustomErrorWithArgs(
      poi.write.settleBatch([awards, signatures, outputs.slice(1), seal, PAYOUT.Direct]), poi, "LengthMismatch", [3n, 3n, 2n],
    );
  });
});

describe("ZKVerifier", () => {
  let market: Market;
  let selector: Hex;

  before(async () => {
    market = await openMarket();
    selector = await market.verifier.read.SELECTOR();
  });

  it("names its verifier", async () => {
    const verifier = await market.zkVerifier.read.verifierOf([selector]);
    assert.equal(verifier.toLowerCase(), market.verifier.address.toLowerCase());
  });

  it("lets nobody but the owner stop or restart a verifier", async () => {
    const stranger = { account: people.stranger.address };
    for (const call of [
      market.zkVerifier.write.pause([selector], stranger),
      market.zkVerifier.write.unpause([selector], stranger),
    ]) {
      await market.viem.assertions.revertWithCustomError(call, market.zkVerifier, "OwnableUnauthorizedAccount");
    }
  });

  it("refuses seals of a stopped verifier, and takes them again once restarted", async () => {
    const { args } = await market.prove([await market.award({ nonce: 9n })]);
    const { zkVerifier, proofOfInference, viem } = market;
    await viem.assertions.emitWithArgs(zkVerifier.write.pause([selector]), zkVerifier, "VerifierPaused", [selector]);
    assert.equal(await zkVerifier.read.isPaused([selector]), true);
    await viem.assertions.revertWithCustomErrorWithArgs(
      proofOfInference.write.settleBatch(args), zkVerifier, "SelectorPaused", [selector],
    );
    await viem.assertions.revertWithCustomError(zkVerifier.write.pause([selector]), zkVerifier, "SelectorPaused");
    await viem.assertions.emitWithArgs(
      zkVerifier.write.unpause([selector]), zkVerifier, "VerifierUnpaused", [selector],
    );
    await viem.assertions.revertWithCustomError(zkVerifier.write.unpause([selector]), zkVerifier, "SelectorNotPaused");
    await proofOfInference.write.settleBatch(args);
    assert.equal(await proofOfInference.read.isNonceUsed([people.requester.address, 9n]), true);
  });

  it("knows no other selector", async () => {
    const calls = [
      market.zkVerifier.read.verifierOf(["0x00000000"]),
      market.zkVerifier.read.isPaused(["0x00000000"]),
      market.zkVerifier.write.pause(["0x00000000"]),
      market.zkVerifier.write.unpause(["0x00000000"]),
    ];
    for (const call of calls) {
      await market.viem.assertions.revertWithCustomError(call, market.zkVerifier, "UnknownSelector");
    }
  });

  it("cannot be built empty, with two verifiers of one selector, or on an address without code", async () => {
    const [deployer] = await market.viem.getWalletClients();
    const owner = deployer!.account.address;
    const entry = { selector, verifier: market.verifier.address };
    const build = (entries: { selector: Hex; verifier: Hex }[]) =>
      market.viem.deployContract("ZKVerifier", [owner, entries]);
    const { revertWithCustomError } = market.viem.assertions;
    await revertWithCustomError(build([]), market.zkVerifier, "NoVerifiers");
    await revertWithCustomError(build([entry, entry]), market.zkVerifier, "DuplicateSelector");
    await revertWithCustomError(
      build([{ selector, verifier: people.stranger.address }]), market.zkVerifier, "NotAContract",
    );
  });

  it("changes owner in two steps", async () => {
    const { zkVerifier, viem } = market;
    await zkVerifier.write.transferOwnership([people.stranger.address]);
    await viem.assertions.revertWithCustomError(
      zkVerifier.write.acceptOwnership({ account: people.worker.address }), zkVerifier, "OwnableUnauthorizedAccount",
    );
    await zkVerifier.write.acceptOwnership({ account: people.stranger.address });
    await viem.assertions.revertWithCustomError(
      zkVerifier.write.pause([selector]), zkVerifier, "OwnableUnauthorizedAccount",
    );
  });
});
