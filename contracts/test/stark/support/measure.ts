import { concatHex, hexToBigInt, slice, type Address, type Hex } from "viem";

import { deployVariant, TRANSACTION_GAS_CAP, type Chain } from "./chain.ts";
import { bytes, hex, type Fixture } from "./fixtures.ts";
import { buildVariant } from "./generator.ts";

/** Gas of one verification: the transaction's, the execution's alone, and that of each phase of it. */
export interface Gas {
  readonly calldataBytes: number;
  readonly calldataFloor: bigint;
  readonly transaction: bigint;
  readonly execution: bigint;
  readonly phases: Readonly<Record<string, bigint>>;
}

/** Measure SealVerifier on a proof. Phases come from an instrumented build, so they include its bookkeeping. */
export async function measure(chain: Chain, fixture: Fixture): Promise<Gas> {
  const data = concatHex([fixture.claim!, hex(fixture.seal)]);
  const hash = await chain.wallet.sendTransaction({ to: chain.sealVerifier, data, gas: TRANSACTION_GAS_CAP });
  const { gasUsed } = await chain.client.waitForTransactionReceipt({ hash });
  const input = bytes(data);
  const zeros = input.filter((byte) => byte === 0).length;
  return {
    calldataBytes: input.length,
    calldataFloor: 21_000n + 10n * BigInt(zeros + 4 * (input.length - zeros)),
    transaction: gasUsed,
    execution: await execution(chain, data),
    phases: await phases(chain, data),
  };
}

/** Gas that a call of SealVerifier takes, less one access of a cold account: a transaction does not pay that. */
async function execution(chain: Chain, data: Hex): Promise<bigint> {
  const probe = await deploy(chain, probeCode(chain.sealVerifier));
  const { data: result } = await chain.client.call({ to: probe, data, gas: TRANSACTION_GAS_CAP });
  if (hexToBigInt(slice(result!, 32, 64)) !== 1n) throw new Error("the proof was refused");
  return hexToBigInt(slice(result!, 0, 32)) - COLD_ACCOUNT_ACCESS;
}

const COLD_ACCOUNT_ACCESS = 2_600n; // EIP-2929

/** Creation code of a contract that passes its calldata on and returns the gas that took, and whether it succeeded. */
function probeCode(target: Address): Hex {
  const runtime = [
    "365f5f37", // copy the calldata to memory
    "5a", // gas before
    `60205f365f73${target.slice(2)}5afa`, // static call with it, one word back
    "602052", // success to 0x20
    "5a9003", // gas before minus gas after
    "5f5260405ff3", // to 0x00; return both
  ].join("");
  const length = (runtime.length / 2).toString(16).padStart(2, "0");
  return `0x60${length}8060095f395ff3${runtime}`;
}

async function deploy(chain: Chain, data: Hex): Promise<Address> {
  const hash = await chain.wallet.sendTransaction({ data });
  const { contractAddress } = await chain.client.waitForTransactionReceipt({ hash });
  return contractAddress!;
}

async function phases(chain: Chain, data: Hex): Promise<Record<string, bigint>> {
  const build = buildVariant("--phases");
  const to = await deployVariant(chain, build.bytecode);
  const { data: result } = await chain.client.call({ to, data, gas: TRANSACTION_GAS_CAP });
  const word = (index: number): bigint => hexToBigInt(slice(result!, 32 * index, 32 * index + 32));
  return Object.fromEntries(build.phases.map((name, index) => [name, word(1 + index)]));
}
