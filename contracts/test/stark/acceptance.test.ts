import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { concatHex, encodeFunctionData, type Address, type Hex } from "viem";

import { deployStark, TRANSACTION_GAS_CAP, type Chain } from "./support/chain.ts";
import { allowedControlIds, fixtures, hex, type Fixture } from "./support/fixtures.ts";

const GAS_LIMIT = 9_000_000n;

describe("StarkVerifier on genuine proofs", () => {
  let chain: Chain;
  let selector: Hex;
  before(async () => {
    chain = await deployStark(allowedControlIds());
    selector = await chain.starkVerifier.read.SELECTOR();
  });

  /** Send it for real, with the highest gas limit that a transaction may have. */
  async function accepted(what: string, to: Address, data: Hex): Promise<void> {
    const hash = await chain.wallet.sendTransaction({ to, data, gas: TRANSACTION_GAS_CAP });
    const { status, gasUsed } = await chain.client.waitForTransactionReceipt({ hash });
    console.log(`      ${what}: ${gasUsed} gas`);
    assert.equal(status, "success");
    assert.ok(gasUsed < GAS_LIMIT);
  }

  const sealOf = (fixture: Fixture): Hex => concatHex([selector, hex(fixture.seal)]);

  it("enforces the gas cap of EIP-7825 on this chain", async () => {
    const transfer = { to: chain.wallet.account.address, gas: TRANSACTION_GAS_CAP + 1n };
    await assert.rejects(chain.wallet.sendTransaction(transfer), /transaction gas limit/i);
  });

  for (const fixture of fixtures) {
    const { name, controlId, claim, imageId, journalDigest } = fixture;

    if (claim) {
      it(`${name}: SealVerifier names the program that proves the claim`, async () => {
        const data = concatHex([claim, hex(fixture.seal)]);
        const { data: returned } = await chain.client.call({ to: chain.sealVerifier, data, gas: TRANSACTION_GAS_CAP });
        assert.equal(returned!.length, 66);
        if (controlId) assert.equal(returned, controlId);
        assert.equal(await chain.starkVerifier.read.isAllowed([returned!]), true);
        await accepted(name, chain.sealVerifier, data);
      });

      it(`${name}: verifyIntegrity accepts seal and claim in one transaction`, async () => {
        const { abi, address } = chain.starkVerifier;
        const args = [{ seal: sealOf(fixture), claimDigest: claim }] as const;
        await accepted(name, address, encodeFunctionData({ abi, functionName: "verifyIntegrity", args }));
      });
    }

    if (imageId && journalDigest) {
      it(`${name}: verify accepts image and journal in one transaction`, async () => {
        const { starkVerifier } = chain;
        if (claim) assert.equal(await starkVerifier.read.claimDigest([imageId, journalDigest]), claim);
        const args = [sealOf(fixture), imageId, journalDigest] as const;
        const data = encodeFunctionData({ abi: starkVerifier.abi, functionName: "verify", args });
        await accepted(name, starkVerifier.address, data);
      });

      it(`${name}: verify refuses another image and another journal`, async () => {
        const { starkVerifier, viem } = chain;
        const other = hex(Buffer.alloc(32, 7));
        for (const [image, journal] of [[other, journalDigest], [imageId, other]] as const) {
          const call = starkVerifier.read.verify([sealOf(fixture), image, journal]);
          await viem.assertions.revertWithCustomError(call, starkVerifier, "VerificationFailed");
        }
      });
    }
  }
});
