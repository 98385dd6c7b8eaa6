import hre from "hardhat";
import { BaseError, concatHex, pad, type Address, type Hex } from "viem";

import Stark from "../../../ignition/modules/Stark.ts";
import { hex } from "./fixtures.ts";
import { checkName } from "./layout.ts";

/** EIP-7825. The tests never raise it: what they send must fit into it. */
export const TRANSACTION_GAS_CAP = 16_777_216n;

/** A chain of its own with a StarkVerifier on it. */
export async function deployStark(controlIds: readonly Hex[]) {
  const connection = await hre.network.create();
  const { viem, ignition } = connection;
  const { starkVerifier } = await ignition.deploy(Stark, { parameters: { Stark: { controlIds: [...controlIds] } } });
  const client = await viem.getPublicClient();
  const [wallet] = await viem.getWalletClients();
  const sealVerifier = await starkVerifier.read.sealVerifier();
  return { connection, viem, client, wallet, starkVerifier, sealVerifier };
}

export type Chain = Awaited<ReturnType<typeof deployStark>>;

/** What SealVerifier says: the returned bytes, or the name of the check which failed. */
export interface Answer {
  readonly returned?: Hex;
  readonly failed?: string;
}

/** Call SealVerifier, or another build of it, without a transaction. */
export async function ask(chain: Chain, to: Address, claim: Hex, seal: Uint8Array): Promise<Answer> {
  try {
    const { data } = await chain.client.call({ to, data: concatHex([claim, hex(seal)]), gas: TRANSACTION_GAS_CAP });
    return { returned: data };
  } catch (error) {
    return { failed: checkName(Number(revertData(error))) };
  }
}

/** The data that a call reverted with. */
function revertData(error: unknown): Hex {
  const found = error instanceof BaseError && error.walk((inner) => "data" in (inner as object));
  const data = found && (found as unknown as { data?: Hex | { data?: Hex } }).data;
  const value = typeof data === "object" ? data?.data : data;
  if (!value || value.length !== 66) throw error;
  return value;
}

/** Deploy another build of SealVerifier, with the constraint contracts of the chain's StarkVerifier. */
export async function deployVariant(chain: Chain, bytecode: Hex): Promise<Address> {
  const parts = await partAddresses(chain);
  const data = concatHex([bytecode, ...parts.map((part) => pad(part, { size: 32 }))]);
  const hash = await chain.wallet.sendTransaction({ data, gas: TRANSACTION_GAS_CAP });
  const { contractAddress, status } = await chain.client.waitForTransactionReceipt({ hash });
  if (status !== "success" || !contractAddress) throw new Error("the variant was not created");
  return contractAddress;
}

/** The constraint contracts: what was created before StarkVerifier, in order. */
export async function partAddresses(chain: Pick<Chain, "client" | "starkVerifier">): Promise<Address[]> {
  const parts: Address[] = [];
  const last = await chain.client.getBlockNumber();
  for (let number = 1n; number <= last; number++) {
    const { transactions } = await chain.client.getBlock({ blockNumber: number });
    for (const hash of transactions) {
      const { contractAddress } = await chain.client.getTransactionReceipt({ hash });
      if (contractAddress?.toLowerCase() === chain.starkVerifier.address.toLowerCase()) return parts;
      if (contractAddress) parts.push(contractAddress);
    }
  }
  throw new Error("StarkVerifier was not deployed on this chain");
}
