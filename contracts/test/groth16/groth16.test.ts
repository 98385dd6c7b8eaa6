import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { network } from "hardhat";
import { concat, type Hex, numberToHex, sha256, slice } from "viem";

import { controlIds } from "../../ignition/controlIds.ts";
import Verifiers from "../../ignition/modules/Verifiers.ts";
import receipts from "../fixtures/groth16.json" with { type: "json" };
import { hex, identity } from "../stark/support/fixtures.ts";

const FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
const ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

type Words = readonly bigint[];
const wordsOf = (seal: Hex): Words => Array.from({ length: 8 }, (_, i) => BigInt(slice(seal, 4 + 32 * i, 36 + 32 * i)));
const sealOf = (selector: Hex, words: Words): Hex =>
  `${selector}${words.map((word) => numberToHex(word, { size: 32 }).slice(2)).join("")}`;

async function deploy(receipt: { controlRoot: string; controlId: string }) {
  const connection = await network.create();
  const args = [receipt.controlRoot as Hex, receipt.controlId as Hex] as const;
  const verifier = await connection.viem.deployContract("Groth16Verifier", args);
  return { viem: connection.viem, verifier };
}

for (const receipt of receipts) {
  describe(`a genuine Groth16 receipt of RISC Zero ${receipt.release}`, () => {
    const seal = receipt.seal as Hex;
    const imageId = receipt.imageId as Hex;
    const journalDigest = sha256(receipt.journal as Hex);
    const words = wordsOf(seal);
    let chain: Awaited<ReturnType<typeof deploy>>;
    let selector: Hex;

    before(async () => {
      chain = await deploy(receipt);
      selector = await chain.verifier.read.SELECTOR();
    });

    async function refused(altered: Hex, image = imageId, journal = journalDigest): Promise<void> {
      await assert.rejects(chain.verifier.read.verify([altered, image, journal]), /VerificationFailed|PrecompileFailed/);
    }

    it("is of a verifier with RISC Zero's own selector and parameters", async () => {
      assert.equal(await chain.verifier.read.parameters(), receipt.parameters);
      assert.equal(selector, slice(receipt.parameters as Hex, 0, 4));
    });

    it("is accepted, by image id and journal, and by its claim", async () => {
      const { viem, verifier } = chain;
      const args = [seal, imageId, journalDigest] as const;
      await verifier.read.verify(args);
      const client = await viem.getPublicClient();
      const gas = await client.estimateContractGas({ ...verifier, functionName: "verify", args });
      console.log(`      ${gas} gas`);
      assert.ok(gas < 300_000n);
    });

    it("is refused with another image id or journal", async () => {
      for (const bit of [0n, 127n, 128n, 255n]) {
        const other = (digest: Hex): Hex => numberToHex(BigInt(digest) ^ (1n << bit), { size: 32 });
        await refused(seal, other(imageId));
        await refused(seal, imageId, other(journalDigest));
      }
    });

    it("is refused with any of its words changed", async () => {
      for (let index = 0; index < words.length; index++) {
        for (const change of [(w: bigint) => w + 1n, (w: bigint) => w ^ (1n << 200n), () => 0n, (w: bigint) => FIELD - w]) {
          await refused(sealOf(selector, words.with(index, change(words[index]!))));
        }
      }
    });

    it("is refused with a coordinate that is not reduced, though it is the same point", async () => {
      for (let index = 0; index < words.length; index++) {
        await refused(sealOf(selector, words.with(index, words[index]! + FIELD)));
      }
    });

    it("is refused as points of zeros, with its points exchanged, and at another length", async () => {
      await refused(sealOf(selector, words.map(() => 0n)));
      await refused(sealOf(selector, [...words.slice(6), ...words.slice(2, 6), ...words.slice(0, 2)]));
      await refused(slice(seal, 0, 259));
      await refused(`${seal}00`);
      await refused(selector);
    });

    it("is refused with another selector, and by the verifier of another release", async () => {
      const { viem, verifier } = chain;
      const other = sealOf("0xdeadbeef", words);
      for (const altered of [other, "0x", "0x73c457"] as Hex[]) {
        await viem.assertions.revertWithCustomError(
          verifier.read.verify([altered, imageId, journalDigest]), verifier, "SelectorMismatch",
        );
      }
      const { verifier: newer } = await deploy({ ...receipt, controlRoot: `0x${"11".repeat(32)}` });
      await assert.rejects(
        newer.read.verify([sealOf(await newer.read.SELECTOR(), words), imageId, journalDigest]), /VerificationFailed/,
      );
    });

    it("is no identity: another proof of the claim can be made of it", async () => {
      const negated = words.with(1, FIELD - words[1]!).with(4, FIELD - words[4]!).with(5, FIELD - words[5]!);
      await chain.verifier.read.verify([sealOf(selector, negated), imageId, journalDigest]);
    });
  });
}

describe("Groth16Verifier", () => {
  it("wants a control id that is an element of the field", async () => {
    const { viem, verifier } = await deploy(receipts[0]!);
    const reversed = Buffer.from(ORDER.toString(16).padStart(64, "0"), "hex").reverse().toString("hex");
    await viem.assertions.revertWithCustomError(
      viem.deployContract("Groth16Verifier", [receipts[0]!.controlRoot as Hex, `0x${reversed}`]),
      verifier, "InvalidControlId",
    );
  });

  it("is reached through a router, beside the STARK verifier", async () => {
    const connection = await network.create();
    const { viem } = connection;
    const { router, groth16Verifier, starkVerifier } = await connection.ignition.deploy(Verifiers, {
      parameters: { Stark: { controlIds: controlIds() } },
    });
    const receipt = receipts[0]!;
    const seal = receipt.seal as Hex;
    const journalDigest = sha256(receipt.journal as Hex);
    const imageId = receipt.imageId as Hex;
    const claim = { seal, claimDigest: await starkVerifier.read.claimDigest([imageId, journalDigest]) };
    await router.read.verify([seal, imageId, journalDigest]);
    await router.read.verifyIntegrity([claim]);
    const wrong = { seal, claimDigest: `0x${"22".repeat(32)}` as Hex };
    await assert.rejects(router.read.verifyIntegrity([wrong]), /VerificationFailed/);
    const { revertWithCustomError } = viem.assertions;
    await revertWithCustomError(
      router.read.verifyIntegrity([{ ...claim, seal: "0xdeadbeef" }]), router, "UnknownSelector");

    const stark = await starkVerifier.read.SELECTOR();
    const genuine = { seal: concat([stark, hex(identity.seal)]), claimDigest: identity.claim! };
    await router.read.verifyIntegrity([genuine]);
    await assert.rejects(
      router.read.verifyIntegrity([{ ...genuine, claimDigest: claim.claimDigest }]), /VerificationFailed/);

    const selector = await groth16Verifier.read.SELECTOR();
    await router.write.pause([selector]);
    await revertWithCustomError(router.read.verifyIntegrity([claim]), router, "SelectorPaused");
    await router.read.verifyIntegrity([genuine]);
  });
});
