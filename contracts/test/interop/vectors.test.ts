import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, describe, it } from "node:test";

import hre from "hardhat";
import { type Hex, recoverAddress } from "viem";

import {
  type Award, type Bid, type CallReceipt, fromJson, type Offer, type Rescue, type Result, type SessionAward, TYPES,
  type Voucher,
} from "../../scripts/typed-data.ts";
import { vectors, VECTORS_FILE } from "../../scripts/vectors.ts";
import { type Market, openMarket } from "../support/market.ts";

describe("EIP-712 vectors", () => {
  let committed: Awaited<ReturnType<typeof vectors>>;
  let atFixedAddress: Market["proofOfInference"];

  before(async () => {
    committed = JSON.parse(await readFile(VECTORS_FILE, "utf8"));
    const { viem, proofOfInference } = await openMarket();
    const { verifyingContract } = committed.domain;
    const code = await (await viem.getPublicClient()).getCode({ address: proofOfInference.address });
    const testClient = await viem.getTestClient();
    // The contract computes the separator anew at an address other than the one it was built at.
    await testClient.setCode({ address: verifyingContract, bytecode: code! });
    atFixedAddress = await viem.getContractAt("ProofOfInference", verifyingContract);
  });

  it("are what the script writes", async () => {
    assert.deepEqual(committed, JSON.parse(JSON.stringify(await vectors())));
  });

  it("have the contract's domain", async () => {
    assert.equal(await atFixedAddress.read.domainSeparator(), committed.domainSeparator);
    const [fields, name, version, chainId, verifyingContract] = await atFixedAddress.read.eip712Domain();
    assert.equal(fields, "0x0f");
    assert.deepEqual({ name, version, chainId: Number(chainId), verifyingContract }, committed.domain);
  });

  it("have the contract's digests", async () => {
    const offer = fromJson<Offer>("Offer", committed.Offer.message as Record<string, string>);
    const bid = fromJson<Bid>("Bid", committed.Bid.message as Record<string, string>);
    const award = fromJson<Award>("Award", committed.Award.message as Record<string, string>);
    const result = fromJson<Result>("Result", committed.Result.message as Record<string, string>);
    const rescue = fromJson<Rescue>("Rescue", committed.Rescue.message as Record<string, string>);
    assert.equal(await atFixedAddress.read.hashOffer([offer]), committed.Offer.digest);
    assert.equal(await atFixedAddress.read.hashBid([bid]), committed.Bid.digest);
    assert.equal(await atFixedAddress.read.hashAward([award]), committed.Award.digest);
    assert.equal(await atFixedAddress.read.hashResult([result]), committed.Result.digest);
    assert.equal(await atFixedAddress.read.hashRescue([rescue.taskId, rescue.worker]), committed.Rescue.digest);
    const session = fromJson<SessionAward>("SessionAward", committed.SessionAward.message);
    const voucher = fromJson<Voucher>("Voucher", committed.Voucher.message);
    const receipt = fromJson<CallReceipt>("CallReceipt", committed.CallReceipt.message);
    assert.equal(await atFixedAddress.read.hashSession([session]), committed.SessionAward.digest);
    assert.equal(await atFixedAddress.read.hashVoucher([voucher]), committed.Voucher.digest);
    assert.equal(await atFixedAddress.read.hashCallReceipt([receipt]), committed.CallReceipt.digest);
  });

  for (const type of Object.keys(TYPES) as (keyof typeof TYPES)[]) {
    it(`have a signature of ${type} that recovers to the signer`, async () => {
      const { digest, signature } = committed[type];
      assert.equal(await recoverAddress({ hash: digest, signature: signature as Hex }), committed.signer);
    });
  }
});

describe("exported ABIs", async () => {
  const { ABI_DIR, abiText, EXPORTED } = await import("../../scripts/export-abi.ts");
  for (const contract of EXPORTED) {
    it(`${contract}.json is the compiled one`, async () => {
      const text = await readFile(`${ABI_DIR}/${contract}.json`, "utf8");
      assert.equal(text, await abiText(contract), "run: node scripts/export-abi.ts");
      assert.ok((await hre.artifacts.readArtifact(contract)).deployedBytecode.length / 2 - 1 <= 24_576);
    });
  }
});
