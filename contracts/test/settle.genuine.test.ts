import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { before, describe, it } from "node:test";

import { network } from "hardhat";
import { BaseError, concat, getAddress, type Hex, sha256, slice, toHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";

import { controlIds } from "../ignition/controlIds.ts";
import StarkParts from "../ignition/modules/StarkParts.ts";
import { FIXTURE, FIXTURES_DIR, type fixtureAwards } from "../scripts/fixture-awards.ts";
import { type Award, fromJson } from "../scripts/typed-data.ts";
import { layout } from "./stark/support/layout.ts";
import { leaf, merkleRoot } from "./support/merkle.ts";

/** EIP-7825's cap of one transaction, which the network enforces. */
const TRANSACTION_GAS_CAP = 16_777_216n;

/** The cause of a failed call, without its arguments: a seal is 260,000 characters long. */
function shorten(error: unknown): never {
  throw error instanceof BaseError ? new Error(error.details) : error;
}

interface Batch {
  imageId: Hex;
  journal: Hex;
  outputDigests: Hex[];
}

const account = (addressIndex: number) =>
  mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex }).address;

/** The files of a fixture: awards by scripts/fixture-awards.ts, seal and outputs by the prover from these awards. */
async function readFixture() {
  const read = async (name: string) =>
    readFile(path.join(FIXTURES_DIR, name)).catch((error: unknown) => {
      throw new Error(
        `test/fixtures/${name} is missing: run scripts/fixture-awards.ts, then the prover on its awards`,
        { cause: error },
      );
    });
  const awards = JSON.parse(String(await read("awards.json"))) as Awaited<ReturnType<typeof fixtureAwards>>;
  const batch = JSON.parse(String(await read("batch.json"))) as Batch;
  const seal = (await read("batch.seal")).subarray(-layout.length);
  return {
    ...awards,
    ...batch,
    seal: toHex(seal),
    awards: awards.awards.map((award) => fromJson<Award>("Award", award)),
  };
}

async function deploy() {
  const fixture = await readFixture();
  const { viem, ignition, networkHelpers } = await network.create();
  const { starkVerifier, starkPartsVerifier } = await ignition.deploy(StarkParts, {
    parameters: { Stark: { controlIds: controlIds() } },
  });
  const selector = await starkVerifier.read.SELECTOR();
  const partsSelector = await starkPartsVerifier.read.SELECTOR();

  const treasury = account(FIXTURE.deployer);
  const terms = { treasury, protocolFeeBps: 100, rewardBps: 0 };
  const parameters = await viem.deployContract("ProtocolParameters", [treasury, terms]);
  // In this order and by this account, so that ProofOfInference gets the address that the task ids are bound to.
  const deployer = account(FIXTURE.deployer);
  const client = { client: { wallet: await viem.getWalletClient(deployer) } };
  const joyToken = await viem.deployContract("JoyToken", [deployer], client);
  const models = await viem.deployContract("ModelMarketplace", [], client);
  const entries = [
    { selector, verifier: starkVerifier.address },
    { selector: partsSelector, verifier: starkPartsVerifier.address },
  ];
  const zkVerifier = await viem.deployContract("ZKVerifier", [deployer, deployer, entries], client);
  const coordinator = await viem.deployContract("NodeCoordinator", [joyToken.address, 0n, 604_800n]);
  const poi = await viem.deployContract("ProofOfInference", [
    {
      token: joyToken.address,
      zkVerifier: zkVerifier.address,
      imageId: fixture.imageId,
      marketplace: models.address,
      parameters: parameters.address,
      withdrawalDelay: 172_800n,
      epochLength: 86_400n,
      coordinator: coordinator.address,
    },
  ], client);

  const first = fixture.awards[0]!;
  const owner = { account: account(FIXTURE.modelOwner) };
  await models.write.register([first.modelDigest, FIXTURE.modelFee, ""], owner);
  const total = BigInt(fixture.awards.length) * (FIXTURE.price + FIXTURE.modelFee);
  await joyToken.write.transfer([first.requester, total], { account: deployer });
  await joyToken.write.approve([poi.address, total], { account: first.requester });
  await poi.write.deposit([total], { account: first.requester });
  await networkHelpers.time.increaseTo(FIXTURE.settleDeadline - 1800n);
  const fullSeal = concat([selector, fixture.seal]);
  return {
    ...fixture, viem, networkHelpers, joyToken, poi, zkVerifier, starkVerifier, starkPartsVerifier, partsSelector, fullSeal,
    total,
  };
}

describe("a genuine proof settles a batch in one transaction", () => {
  let all: Awaited<ReturnType<typeof deploy>>;
  const gas = { gas: TRANSACTION_GAS_CAP };
  before(async () => {
    all = await deploy();
  });

  it("has the task ids that the prover proved", async () => {
    assert.equal(getAddress(all.poi.address), all.verifyingContract);
    for (const [index, award] of all.awards.entries()) {
      assert.equal(await all.poi.read.hashAward([award]), all.taskIds[index]);
    }
  });

  it("refuses the proof with one flipped bit, at either end and in the middle", async () => {
    const { awards, signatures, outputDigests, fullSeal, viem, poi, zkVerifier } = all;
    const bytes = Buffer.from(fullSeal.slice(2), "hex");
    for (const at of [4, bytes.length >> 1, bytes.length - 1]) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1;
      await viem.assertions.revertWithCustomError(
        poi.simulate.settleBatch([awards, signatures, outputDigests, toHex(flipped), 0], gas),
        zkVerifier, "VerificationFailed",
      );
    }
  });

  it("refuses the proof for another output and for a batch without its last task", async () => {
    const { awards, signatures, outputDigests, fullSeal, viem, poi, zkVerifier } = all;
    const swapped = [`0x${"00".repeat(32)}` as Hex, ...outputDigests.slice(1)];
    const calls = [
      poi.simulate.settleBatch([awards, signatures, swapped, fullSeal, 0], gas),
      poi.simulate.settleBatch(
        [awards.slice(0, -1), signatures.slice(0, -1), outputDigests.slice(0, -1), fullSeal, 0], gas,
      ),
    ];
    for (const call of calls) await viem.assertions.revertWithCustomError(call, zkVerifier, "VerificationFailed");
  });

  it("is verified once, and its awards settled in later transactions by Merkle path", async (test) => {
    const { awards, signatures, outputDigests, taskIds, fullSeal, viem, poi, networkHelpers } = all;
    const fresh = await networkHelpers.takeSnapshot();
    const leaves = awards.map((award, index) => leaf(taskIds[index]!, award, outputDigests[index]!));
    const root = merkleRoot(leaves);
    const client = await viem.getPublicClient();
    const proof = await poi.write.proveBatch([leaves.length, root, fullSeal], gas).catch(shorten);
    test.diagnostic(`${(await client.getTransactionReceipt({ hash: proof })).gasUsed} gas for the proof alone`);
    const half = leaves.length / 2;
    assert.ok(Number.isInteger(Math.log2(half)), "the slices below are subtrees of a full tree");
    for (const first of [half, 0]) {
      const part = <T>(list: readonly T[]) => list.slice(first, first + half);
      const other = merkleRoot(leaves.slice(half - first, 2 * half - first));
      const slice = { count: leaves.length, first, path: [other] };
      const hash = await poi.write.settleSlice([part(awards), part(signatures), part(outputDigests), slice, 0]);
      const receipt = await client.getTransactionReceipt({ hash });
      test.diagnostic(`${receipt.gasUsed} gas for ${half} awards of it`);
      const at = { fromBlock: receipt.blockNumber, toBlock: receipt.blockNumber };
      assert.equal((await poi.getEvents.AwardSettled({}, at)).length, half);
    }
    await fresh.restore();
  });

  it("pays every award under the default cap", async (test) => {
    const { awards, signatures, outputDigests, fullSeal, viem, poi, joyToken, total } = all;
    const count = BigInt(awards.length);
    assert.ok(awards.length >= 16);
    assert.equal(await joyToken.read.balanceOf([poi.address]), total);
    const hash = await poi.write.settleBatch([awards, signatures, outputDigests, fullSeal, 0], gas).catch(shorten);
    const receipt = await (await viem.getPublicClient()).getTransactionReceipt({ hash });
    assert.equal(receipt.status, "success");
    assert.ok(receipt.gasUsed <= TRANSACTION_GAS_CAP);
    test.diagnostic(`${receipt.gasUsed} gas for ${count} awards`);
    const at = { fromBlock: receipt.blockNumber, toBlock: receipt.blockNumber };
    assert.equal((await poi.getEvents.AwardSkipped({}, at)).length, 0);
    assert.equal((await poi.getEvents.AwardSettled({}, at)).length, awards.length);
    assert.equal(await joyToken.read.balanceOf([account(FIXTURE.worker)]), count * (FIXTURE.price * 99n) / 100n);
    assert.equal(await joyToken.read.balanceOf([account(FIXTURE.modelOwner)]), count * FIXTURE.modelFee);
    assert.equal(await joyToken.read.balanceOf([poi.address]), 0n);
  });

  it("pays nothing when the same proof is sent again", async () => {
    const { awards, signatures, outputDigests, fullSeal, poi } = all;
    const { result } = await poi.simulate
      .settleBatch([awards, signatures, outputDigests, fullSeal, 0], gas)
      .catch(shorten);
    assert.equal(result, 0n);
  });
});

describe("a genuine proof in several transactions settles a batch", () => {
  it("once all of its parts are in, with no seal but the selector", async () => {
    const { awards, signatures, outputDigests, seal, viem, poi, zkVerifier, ...all } = await deploy();
    const journalDigest = sha256(all.journal);
    const claim = await all.starkVerifier.read.claimDigest([all.imageId, journalDigest]);
    const parts = all.starkPartsVerifier;
    const part = (from: number, to: number): Hex => slice(seal, from, to);
    const header = part(0, layout.queriesAt);
    const state = await parts.read.stateOf([claim, header]);
    const settle = () => poi.write.settleBatch([awards, signatures, outputDigests, all.partsSelector, 0]);

    await parts.write.start([claim, header]);
    const half = layout.queriesAt + 13 * layout.queryLength;
    await parts.write.check([0n, state, part(layout.queriesAt, half)]);
    await viem.assertions.revertWithCustomError(settle(), zkVerifier, "VerificationFailed");
    await parts.write.check([13n, state, part(half, layout.length)]);
    await settle();
    for (const { requester, nonce } of awards) assert.equal(await poi.read.isNonceUsed([requester, nonce]), true);
  });
});
