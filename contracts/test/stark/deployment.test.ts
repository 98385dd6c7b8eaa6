import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { concatHex, encodePacked, keccak256, slice, type Address, type Hex } from "viem";

import sealVerifier from "../../generated/SealVerifier.json" with { type: "json" };
import { deployStark, partAddresses, TRANSACTION_GAS_CAP, type Chain } from "./support/chain.ts";
import { hex, identity, sha256 } from "./support/fixtures.ts";

const INNER_CONTROL_ROOT = "0xa54dc85ac99f851c92d7c96d7318af41dbe7c0194edfcc37eb4d422a998c1f56";
type Refusal = "WrongConstraintContract" | "WrongCode" | "ControlIdsNotAscending";
const OTHER: Hex = `0x${"01".repeat(32)}`;

describe("StarkVerifier's deployment", () => {
  let chain: Chain;
  let parts: Address[];
  const code = sealVerifier.bytecode as Hex;
  before(async () => {
    chain = await deployStark([identity.controlId!]);
    parts = await partAddresses(chain);
  });

  it("fits every transaction into the gas cap and every contract into EIP-170", async () => {
    const { client, sealVerifier: entry, starkVerifier } = chain;
    let total = 0n;
    for (let number = 1n; number <= (await client.getBlockNumber()); number++) {
      const { gasUsed } = await client.getBlock({ blockNumber: number });
      assert.ok(gasUsed < TRANSACTION_GAS_CAP);
      total += gasUsed;
    }
    console.log(`      deployment: ${total} gas in ${await client.getBlockNumber()} transactions`);
    for (const address of [...parts, entry, starkVerifier.address]) {
      assert.ok(((await client.getCode({ address }))!.length - 2) / 2 <= 24_576);
    }
  });

  async function refused(args: [Address[], Hex, Hex[]], error: Refusal): Promise<void> {
    const { viem, starkVerifier } = chain;
    await viem.assertions.revertWithCustomError(
      viem.deployContract("StarkVerifier", args, { gas: TRANSACTION_GAS_CAP }), starkVerifier, error);
  }

  it("refuses other code than the generated one", async () => {
    const swapped = [parts[1]!, parts[0]!, ...parts.slice(2)];
    await refused([swapped, code, [OTHER]], "WrongConstraintContract");
    await refused([[...parts.slice(0, 7), chain.wallet.account.address], code, [OTHER]], "WrongConstraintContract");
    await refused([parts.slice(0, 7), code, [OTHER]], "WrongConstraintContract");
    await refused([parts, `${code.slice(0, -2)}00` as Hex, [OTHER]], "WrongCode");
    await refused([parts, "0x", [OTHER]], "WrongCode");
  });

  it("wants control ids in ascending order, each once, at least one", async () => {
    const [low, high] = [OTHER, identity.controlId!];
    for (const ids of [[], [high, low], [low, low], [hex(Buffer.alloc(32))]]) {
      await refused([parts, code, ids], "ControlIdsNotAscending");
    }
  });

  it("derives its selector from the inner root and the allowed programs", async () => {
    const packed = encodePacked(["string", "bytes32", "bytes32[]"],
      ["p2pnode.StarkVerifier.v2", INNER_CONTROL_ROOT, [identity.controlId!]]);
    assert.equal(await chain.starkVerifier.read.SELECTOR(), slice(keccak256(packed), 0, 4));
    assert.notEqual(await chain.starkVerifier.read.selectorOf([[OTHER]]), await chain.starkVerifier.read.SELECTOR());
  });

  it("refuses a genuine proof by a program that is not allowed", async () => {
    const { viem } = chain;
    const strict = await viem.deployContract("StarkVerifier", [parts, code, [OTHER]], { gas: TRANSACTION_GAS_CAP });
    const seal = concatHex([await strict.read.SELECTOR(), hex(identity.seal)]);
    const receipt = { seal, claimDigest: identity.claim! };
    await viem.assertions.revertWithCustomError(
      strict.read.verifyIntegrity([receipt]), strict, "VerificationFailed");
    assert.equal(await strict.read.isAllowed([identity.controlId!]), false);
  });

  it("refuses a seal for another verifier, and one without a selector", async () => {
    const { viem, starkVerifier } = chain;
    const selector = await starkVerifier.read.SELECTOR();
    const flipped = hex(Buffer.from(selector.slice(2), "hex").map((byte, i) => (i === 3 ? byte ^ 1 : byte)));
    for (const seal of [concatHex([flipped, hex(identity.seal)]), hex(identity.seal), "0x", slice(selector, 0, 3)] as Hex[]) {
      await viem.assertions.revertWithCustomError(
        starkVerifier.read.verifyIntegrity([{ seal, claimDigest: identity.claim! }]),
        starkVerifier, "SelectorMismatch");
    }
    for (const seal of [selector, concatHex([selector, hex(identity.seal.subarray(1))])]) {
      await viem.assertions.revertWithCustomError(
        starkVerifier.read.verifyIntegrity([{ seal, claimDigest: identity.claim! }]),
        starkVerifier, "VerificationFailed");
    }
  });

  it("builds the claim of a successful run as RISC Zero does", async () => {
    const tag = (name: string) => sha256(Buffer.from(name));
    const zero = Buffer.alloc(32);
    const u16 = (value: number) => Buffer.from([value, 0]);
    const halted = sha256(tag("risc0.SystemState"), zero, Buffer.alloc(4), u16(1));
    assert.equal(hex(halted), "0xa3acc27117418996340b84e5a90f3ef4c49d22c79e44aad822ec9c313e1eb8e2");
    const imageId = sha256(Buffer.from("an image"));
    const journalDigest = sha256(Buffer.from("a journal"));
    const output = sha256(tag("risc0.Output"), journalDigest, zero, u16(2));
    const claim = sha256(tag("risc0.ReceiptClaim"), zero, imageId, halted, output, Buffer.alloc(8), u16(4));
    assert.equal(await chain.starkVerifier.read.claimDigest([hex(imageId), hex(journalDigest)]), hex(claim));
  });
});
