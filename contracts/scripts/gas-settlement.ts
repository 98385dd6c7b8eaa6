import { type Hex, hexToBytes } from "viem";

import { deployStark } from "../test/stark/support/chain.ts";
import { allowedControlIds, identity } from "../test/stark/support/fixtures.ts";
import { measure } from "../test/stark/support/measure.ts";
import { JOY, type Market, openMarket, PAYOUT, people } from "../test/support/market.ts";
import { merkleRoot } from "../test/support/merkle.ts";

/** EIP-7825. */
export const TRANSACTION_GAS_CAP = 16_777_216;
export const COUNTS = [1, 8, 32, 64, 128, 256] as const;

/** Gas of one settlement of `count` awards of one requester, worker and model. */
export interface Settlement {
  readonly count: number;
  /** Without any proof. */
  readonly alone: number;
  /** With the proof in the same transaction. */
  readonly together: number;
  /** `proveBatch` with the proof, then `settleSlice` of the whole batch. */
  readonly apart: number;
}

/** What a transaction pays for, by EIP-2028 and EIP-7623. */
interface Parts {
  readonly zeros: number;
  readonly others: number;
  readonly execution: number;
}

const parts = (data: Uint8Array, execution = 0): Parts => {
  const zeros = data.filter((byte) => byte === 0).length;
  return { zeros, others: data.length - zeros, execution };
};

const add = (a: Parts, b: Parts): Parts => ({
  zeros: a.zeros + b.zeros,
  others: a.others + b.others,
  execution: a.execution + b.execution,
});

const intrinsic = ({ zeros, others }: Parts) => 21_000 + 4 * zeros + 16 * others;
const total = (of: Parts) => Math.max(intrinsic(of) + of.execution, 21_000 + 10 * of.zeros + 40 * of.others);

/** The parts of a mined transaction whose execution costs more than the floor of its calldata. */
async function mined(market: Market, hash: Hex): Promise<Parts> {
  const client = await market.viem.getPublicClient();
  const [{ input }, { gasUsed }] = [await client.getTransaction({ hash }), await client.getTransactionReceipt({ hash })];
  const calldata = parts(hexToBytes(input));
  const of = { ...calldata, execution: Number(gasUsed) - intrinsic(calldata) };
  if (total(of) !== Number(gasUsed)) throw new Error("the calldata floor hides the execution");
  return of;
}

/** The proof: its bytes and the execution of its verifier, on a genuine one. */
async function proofParts(): Promise<Parts> {
  const chain = await deployStark(allowedControlIds());
  const { execution } = await measure(chain, identity);
  return parts(identity.seal, Number(execution));
}

async function settlement(market: Market, count: number, proof: Parts): Promise<Settlement> {
  const { proofOfInference: poi } = market;
  const batch = async (from: number) =>
    market.prove(
      await Promise.all(
        Array.from({ length: count }, (_, index) =>
          market.award({ price: JOY / 100n, modelFee: JOY / 1000n, nonce: BigInt(from + index) }),
        ),
      ),
    );
  // A word of the nonces' bitmap holds 256 of them; a batch begins a new one.
  const first = count * 1024;
  const once = await mined(market, await poi.write.settleBatch((await batch(first)).args));
  const { args: [awards, signatures, outputs], leaves } = await batch(first + 512);
  const seal = await market.seal();
  const proved = await mined(market, await poi.write.proveBatch([count, merkleRoot(leaves), seal]));
  const slice = { count, first: 0, path: [] };
  const later = await mined(
    market, await poi.write.settleSlice([awards, signatures, outputs, slice, PAYOUT.Direct]),
  );
  return {
    count, alone: total(once), together: total(add(once, proof)), apart: total(add(proved, proof)) + total(later),
  };
}

/** All of {@link COUNTS}, and what the proof alone takes in a transaction. */
export async function settlements() {
  const proof = await proofParts();
  const market = await openMarket({ rewardBps: 5_000 });
  const { award, modelMarketplace, settle } = market;
  // The first settlement of a worker, model and treasury fills empty slots; a node's life has one of those.
  await settle([await award({ price: JOY / 100n, nonce: 0n })]);
  const { modelDigest } = await award();
  await modelMarketplace.write.setPrice([modelDigest, JOY / 1000n], { account: people.modelOwner.address });
  const rows: Settlement[] = [];
  for (const count of COUNTS) rows.push(await settlement(market, count, proof));
  return { rows, proof: { bytes: identity.seal.length, execution: proof.execution, transaction: total(proof) } };
}
