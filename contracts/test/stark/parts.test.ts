import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { network } from "hardhat";
import { type Address, type Hex, keccak256, numberToHex } from "viem";

import headerVerifier from "../../generated/HeaderVerifier.json" with { type: "json" };
import queryVerifier from "../../generated/QueryVerifier.json" with { type: "json" };
import StarkParts from "../../ignition/modules/StarkParts.ts";
import { partAddresses } from "./support/chain.ts";
import { allowedControlIds, fixtures, hex, identity } from "./support/fixtures.ts";
import { layout, queryFields } from "./support/layout.ts";

/** What a part may take: a chain with this cap could not take a whole proof. */
const PART_GAS = 3_000_000n;
const PART = 13;

const { seal } = identity;
const claim = identity.claim!;
const header = hex(seal.subarray(0, layout.queriesAt));
const queries = (first: number, count: number, of: Buffer = seal): Hex =>
  hex(of.subarray(layout.queriesAt + first * layout.queryLength, layout.queriesAt + (first + count) * layout.queryLength));

describe("a proof in parts", () => {
  let chain: Awaited<ReturnType<typeof deploy>>;
  let fresh: Awaited<ReturnType<typeof chain.networkHelpers.takeSnapshot>>;
  let selector: Hex;
  let state: Hex;

  async function deploy() {
    const connection = await network.create();
    const { starkPartsVerifier, starkVerifier } = await connection.ignition.deploy(StarkParts, {
      parameters: { Stark: { controlIds: allowedControlIds() } },
    });
    return { ...connection, verifier: starkPartsVerifier, starkVerifier, client: await connection.viem.getPublicClient() };
  }

  before(async () => {
    chain = await deploy();
    selector = await chain.verifier.read.SELECTOR();
    state = await chain.verifier.read.stateOf([claim, header]);
    fresh = await chain.networkHelpers.takeSnapshot();
  });

  const start = () => chain.verifier.write.start([claim, header], { gas: PART_GAS });
  const check = (first: number, count: number) =>
    chain.verifier.write.check([BigInt(first), state, queries(first, count)], { gas: PART_GAS });
  const verify = () => chain.verifier.read.verifyIntegrity([{ seal: selector, claimDigest: claim }]);
  async function refused(call: Promise<unknown>, error: "UnknownState" | "InvalidQueries" | "VerificationFailed") {
    await chain.viem.assertions.revertWithCustomError(call, chain.verifier, error);
  }

  it("is accepted once all are in, in any order, none above three million gas", async () => {
    await fresh.restore();
    const hashes = [await start(), await check(PART, layout.queries - PART)];
    await refused(verify(), "VerificationFailed");
    const { verifier, viem } = chain;
    await viem.assertions.emitWithArgs(check(0, PART), verifier, "Proven", [claim]);
    for (const hash of hashes) {
      const { gasUsed } = await chain.client.getTransactionReceipt({ hash });
      console.log(`      ${gasUsed} gas`);
      assert.ok(gasUsed < PART_GAS);
    }
    await verify();
    assert.equal(await verifier.read.isProven([claim]), true);
    const again = await check(0, PART);
    const { logs } = await chain.client.getTransactionReceipt({ hash: again });
    assert.equal(logs.length, 1, "checked once more, proven once");
  });

  it("can be sent in other cuts, some queries twice", async () => {
    await fresh.restore();
    await start();
    for (const [first, count] of [[20, 6], [0, 12], [6, 10], [16, 4]] as const) {
      await refused(verify(), "VerificationFailed");
      await check(first, count);
    }
    await verify();
  });

  it("is accepted for image id and journal, and for nothing else", async () => {
    await fresh.restore();
    await start();
    await check(0, PART);
    await check(PART, layout.queries - PART);
    const args = [identity.imageId!, identity.journalDigest!] as const;
    await chain.verifier.read.verify([selector, ...args]);
    await refused(chain.verifier.read.verify([selector, identity.imageId!, claim]), "VerificationFailed");
    await refused(chain.verifier.read.verify([`${selector}00`, ...args]), "VerificationFailed");
    for (const other of ["0xdeadbeef", selector.slice(0, -2) as Hex, "0x"] as const) {
      await chain.viem.assertions.revertWithCustomError(
        chain.verifier.read.verify([other, ...args]), chain.verifier, "SelectorMismatch");
    }
  });

  it("starts with a whole header of the claim alone", async () => {
    await fresh.restore();
    const { write } = chain.verifier;
    const other = numberToHex(BigInt(claim) ^ 1n, { size: 32 });
    await refused(write.start([other, header]), "VerificationFailed");
    await refused(write.start([claim, header.slice(0, -2) as Hex]), "VerificationFailed");
    await refused(write.start([claim, `${header}00`]), "VerificationFailed");
    for (const { offset } of layout.header) {
      const altered = Buffer.from(seal.subarray(0, layout.queriesAt));
      altered[offset + 2]! ^= 1;
      await refused(write.start([claim, hex(altered)]), "VerificationFailed");
    }
  });

  it("knows a state by its hash alone", async () => {
    await fresh.restore();
    await refused(check(0, PART), "UnknownState");
    await start();
    assert.equal(await chain.verifier.read.claimOf([keccak256(state)]), claim);
    for (const at of [0, 4095, 7168, (state.length - 2) / 2 - 1]) {
      const altered = Buffer.from(state.slice(2), "hex");
      altered[at]! ^= 1;
      await refused(chain.verifier.write.check([0n, hex(altered), queries(0, 1)]), "UnknownState");
    }
    await refused(chain.verifier.write.check([0n, `${state}00`, queries(0, 1)]), "UnknownState");
  });

  it("takes whole queries at their own place alone", async () => {
    await fresh.restore();
    await start();
    const send = (first: bigint, data: Hex) => chain.verifier.write.check([first, state, data]);
    await refused(send(0n, "0x"), "InvalidQueries");
    await refused(send(0n, queries(0, 1).slice(0, -2) as Hex), "InvalidQueries");
    await refused(send(BigInt(layout.queries), queries(0, 1)), "InvalidQueries");
    await refused(send(25n, queries(24, 2)), "InvalidQueries");
    await refused(send(2n ** 256n - 1n, queries(0, 1)), "InvalidQueries");
    await refused(send(1n, queries(0, 1)), "VerificationFailed");
    const another = fixtures.find(({ name }) => name !== identity.name)!;
    await refused(send(0n, queries(0, 1, another.seal)), "VerificationFailed");
  });

  it("refuses an altered query, wherever it is altered", async () => {
    await fresh.restore();
    await start();
    for (const query of [0, layout.queries - 1]) {
      for (const { offset } of queryFields(query)) {
        const altered = Buffer.from(seal);
        altered[offset + 3]! ^= 1;
        await refused(
          chain.verifier.write.check([BigInt(query), state, queries(query, 1, altered)]), "VerificationFailed");
      }
    }
    assert.equal(await chain.verifier.read.checkedQueries([keccak256(state)]), 0n);
  });

  it("is made of the generated code alone, by an allowed program", async () => {
    const { viem, verifier, starkVerifier } = chain;
    const parts = await partAddresses(chain);
    const codes = [headerVerifier.bytecode, queryVerifier.bytecode] as [Hex, Hex];
    const build = (addresses: Address[], [first, second]: [Hex, Hex]) =>
      viem.deployContract("StarkPartsVerifier", [starkVerifier.address, addresses, first, second], { gas: 16_777_216n });
    const { revertWithCustomError } = viem.assertions;
    await revertWithCustomError(build([...parts].reverse(), codes), verifier, "WrongConstraintContract");
    await revertWithCustomError(build(parts, [codes[1], codes[0]]), verifier, "WrongCode");
    await revertWithCustomError(build(parts, [codes[0], `${codes[1]}00`]), verifier, "WrongCode");
    const other = await network.create();
    const { starkPartsVerifier } = await other.ignition.deploy(StarkParts, {
      parameters: { Stark: { controlIds: allowedControlIds().filter((id) => id !== identity.controlId) } },
    });
    await other.viem.assertions.revertWithCustomError(
      starkPartsVerifier.write.start([claim, header]), starkPartsVerifier, "VerificationFailed");
  });
});
