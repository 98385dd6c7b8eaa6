/**
 * Writes the awards of the fixture batch, which the prover then proves and test/settle.genuine.test.ts settles.
 *
 *     node scripts/fixture-awards.ts [TASKS] [AWARDS]
 *
 * TASKS (default test/fixtures/tasks.json): {"modelDigest": hex, "inputDigests": [hex, ...]}.
 * AWARDS (default test/fixtures/awards.json): {"chainId", "verifyingContract", "awards", "signatures", "taskIds"},
 * integers as decimal strings.
 *
 * A task id depends on the address of ProofOfInference, so that address is fixed: on a fresh chain FIXTURE.deployer
 * deploys it as its transaction FIXTURE.settlementNonce, and the address of a created contract depends on nothing
 * else. The deadlines lie in the year 2100; the test moves the clock there.
 */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { getContractAddress, type Hex, hashTypedData, keccak256, stringToHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";

import { type Award, domain, toJson, TYPES } from "./typed-data.ts";

const MNEMONIC = "test test test test test test test test test test test junk";
const account = (addressIndex: number) => mnemonicToAccount(MNEMONIC, { addressIndex });

/** Who takes part: Hardhat's accounts by index. */
export const FIXTURE = {
  chainId: 31337,
  deployer: 1,
  requester: 2,
  worker: 3,
  modelOwner: 4,
  settlementNonce: 3n,
  price: 2n * 10n ** 18n,
  modelFee: 10n ** 17n,
  resultDeadline: 4_102_444_800n,
  settleDeadline: 4_102_448_400n,
} as const;

export const FIXTURES_DIR = path.join(import.meta.dirname, "../test/fixtures");

export interface Tasks {
  modelDigest: Hex;
  inputDigests: Hex[];
}

/** The awards file for these tasks. */
export async function fixtureAwards({ modelDigest, inputDigests }: Tasks) {
  const verifyingContract = getContractAddress({
    from: account(FIXTURE.deployer).address,
    nonce: FIXTURE.settlementNonce,
  });
  const requester = account(FIXTURE.requester);
  const awards: Award[] = inputDigests.map((inputDigest, index) => ({
    offerHash: keccak256(stringToHex(`fixture offer ${index}`)),
    bidHash: keccak256(stringToHex(`fixture bid ${index}`)),
    requester: requester.address,
    worker: account(FIXTURE.worker).address,
    modelDigest,
    inputDigest,
    price: FIXTURE.price,
    modelFee: FIXTURE.modelFee,
    resultDeadline: FIXTURE.resultDeadline,
    settleDeadline: FIXTURE.settleDeadline,
    nonce: BigInt(index),
  }));
  const taskIds = awards.map((message) =>
    hashTypedData({
      domain: domain(FIXTURE.chainId, verifyingContract),
      types: TYPES,
      primaryType: "Award",
      message,
    }),
  );
  return {
    chainId: FIXTURE.chainId,
    verifyingContract,
    awards: awards.map(toJson),
    signatures: await Promise.all(taskIds.map((hash) => requester.sign({ hash }))),
    taskIds,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const source = process.argv[2] ?? path.join(FIXTURES_DIR, "tasks.json");
  const target = process.argv[3] ?? path.join(FIXTURES_DIR, "awards.json");
  const tasks = JSON.parse(await readFile(source, "utf8")) as Tasks;
  await writeFile(target, JSON.stringify(await fixtureAwards(tasks), null, 2) + "\n");
  console.log(`wrote ${tasks.inputDigests.length} awards to ${path.relative(process.cwd(), target)}`);
}
