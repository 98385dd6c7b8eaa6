import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import type { Hex } from "viem";

import { freshEach } from "../support/fresh.ts";
import { JOY, type Market, openMarket, PAYOUT, people } from "../support/market.ts";

describe("settleBatch binds the proof to exactly these tasks", () => {
  let args: Awaited<ReturnType<Market["prove"]>>["args"];

  const market = freshEach(openMarket, async () => {
    ({ args } = await market.prove([
      await market.award({ nonce: 0n }),
      await market.award({ nonce: 1n }),
      await market.award({ nonce: 2n }),
    ]));
  });

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
  let owner: { account: Hex };
  const pauser = { account: people.pauser.address };

  before(async () => {
    market = await openMarket();
    selector = await market.verifier.read.SELECTOR();
    // What the timelock does once its delay is over; test/governance has the delay.
    owner = { account: market.timelock.address };
    await market.networkHelpers.impersonateAccount(owner.account);
    await market.networkHelpers.setBalance(owner.account, JOY);
  });

  it("names its verifier", async () => {
    const verifier = await market.zkVerifier.read.verifierOf([selector]);
    assert.equal(verifier.toLowerCase(), market.verifier.address.toLowerCase());
  });

  it("lets the pauser stop and nothing else, and strangers nothing", async () => {
    const { zkVerifier, viem: { assertions } } = market;
    const stranger = { account: people.stranger.address };
    await assertions.revertWithCustomErrorWithArgs(
      zkVerifier.write.pause([selector], stranger), zkVerifier, "NotPauser", [people.stranger.address],
    );
    for (const who of [stranger, pauser]) {
      for (const call of [
        zkVerifier.write.unpause([selector], who),
        zkVerifier.write.setPauser([who.account], who),
        zkVerifier.write.transferOwnership([who.account], who),
      ]) {
        await assertions.revertWithCustomError(call, zkVerifier, "OwnableUnauthorizedAccount");
      }
    }
  });

  it("says since when nothing was stopped", async () => {
    const { zkVerifier, networkHelpers: { time } } = market;
    const deployed = await zkVerifier.read.runningSince();
    assert.ok(deployed <= (await market.now()));
    await zkVerifier.write.pause([selector], pauser);
    assert.equal(await zkVerifier.read.runningSince(), 2n ** 64n - 1n);
    await time.increase(100);
    await zkVerifier.write.unpause([selector], owner);
    assert.equal(await zkVerifier.read.runningSince(), await market.now());
  });

  it("takes another pauser from its owner", async () => {
    const { zkVerifier, viem: { assertions } } = market;
    const other = people.secondWorker.address;
    await assertions.emitWithArgs(zkVerifier.write.setPauser([other], owner), zkVerifier, "PauserChanged", [other]);
    await assertions.revertWithCustomError(zkVerifier.write.pause([selector], pauser), zkVerifier, "NotPauser");
    await zkVerifier.write.setPauser([people.pauser.address], owner);
  });

  it("refuses seals of a stopped verifier, and takes them again once restarted", async () => {
    const { args } = await market.prove([await market.award({ nonce: 9n })]);
    const { zkVerifier, proofOfInference, viem } = market;
    await viem.assertions.emitWithArgs(
      zkVerifier.write.pause([selector], pauser), zkVerifier, "VerifierPaused", [selector],
    );
    assert.equal(await zkVerifier.read.isPaused([selector]), true);
    await viem.assertions.revertWithCustomErrorWithArgs(
      proofOfInference.write.settleBatch(args), zkVerifier, "SelectorPaused", [selector],
    );
    await viem.assertions.revertWithCustomError(zkVerifier.write.pause([selector], owner), zkVerifier, "SelectorPaused");
    await viem.assertions.emitWithArgs(
      zkVerifier.write.unpause([selector], owner), zkVerifier, "VerifierUnpaused", [selector],
    );
    await viem.assertions.revertWithCustomError(
      zkVerifier.write.unpause([selector], owner), zkVerifier, "SelectorNotPaused",
    );
    await proofOfInference.write.settleBatch(args);
    assert.equal(await proofOfInference.read.isNonceUsed([people.requester.address, 9n]), true);
  });

  it("knows no other selector", async () => {
    const calls = [
      market.zkVerifier.read.verifierOf(["0x00000000"]),
      market.zkVerifier.read.isPaused(["0x00000000"]),
      market.zkVerifier.write.pause(["0x00000000"], pauser),
      market.zkVerifier.write.unpause(["0x00000000"], owner),
    ];
    for (const call of calls) {
      await market.viem.assertions.revertWithCustomError(call, market.zkVerifier, "UnknownSelector");
    }
  });

  it("cannot be built empty, with two verifiers of one selector, or on an address without code", async () => {
    const entry = { selector, verifier: market.verifier.address };
    const build = (entries: { selector: Hex; verifier: Hex }[]) =>
      market.viem.deployContract("ZKVerifier", [owner.account, pauser.account, entries]);
    const { revertWithCustomError } = market.viem.assertions;
    await revertWithCustomError(build([]), market.zkVerifier, "NoVerifiers");
    await revertWithCustomError(build([entry, entry]), market.zkVerifier, "DuplicateSelector");
    await revertWithCustomError(
      build([{ selector, verifier: people.stranger.address }]), market.zkVerifier, "NotAContract",
    );
  });

  it("changes owner in two steps", async () => {
    const { zkVerifier, viem: { assertions } } = market;
    await zkVerifier.write.transferOwnership([people.stranger.address], owner);
    await assertions.revertWithCustomError(
      zkVerifier.write.acceptOwnership({ account: people.worker.address }), zkVerifier, "OwnableUnauthorizedAccount",
    );
    await zkVerifier.write.acceptOwnership({ account: people.stranger.address });
    await assertions.revertWithCustomError(
      zkVerifier.write.setPauser([people.stranger.address], owner), zkVerifier, "OwnableUnauthorizedAccount",
    );
  });
});
