import type { Address, Hex } from "viem";

/** EIP-712 types of the signed messages, field for field those of `contracts/types/`. */
export const TYPES = {
  Offer: [
    { name: "requester", type: "address" },
    { name: "modelDigest", type: "bytes32" },
    { name: "inputDigest", type: "bytes32" },
    { name: "priceMin", type: "uint256" },
    { name: "priceMax", type: "uint256" },
    { name: "rampStart", type: "uint64" },
    { name: "rampEnd", type: "uint64" },
    { name: "resultDeadline", type: "uint64" },
    { name: "settleDeadline", type: "uint64" },
    { name: "minStake", type: "uint256" },
    { name: "payToken", type: "address" },
    { name: "nonce", type: "uint256" },
  ],
  Bid: [
    { name: "offerHash", type: "bytes32" },
    { name: "worker", type: "address" },
    { name: "price", type: "uint256" },
    { name: "madeAt", type: "uint64" },
    { name: "resultBy", type: "uint64" },
    { name: "validUntil", type: "uint64" },
  ],
  Award: [
    { name: "offerHash", type: "bytes32" },
    { name: "bidHash", type: "bytes32" },
    { name: "requester", type: "address" },
    { name: "worker", type: "address" },
    { name: "modelDigest", type: "bytes32" },
    { name: "inputDigest", type: "bytes32" },
    { name: "price", type: "uint256" },
    { name: "modelFee", type: "uint256" },
    { name: "resultDeadline", type: "uint64" },
    { name: "settleDeadline", type: "uint64" },
    { name: "nonce", type: "uint256" },
  ],
  Result: [
    { name: "taskId", type: "bytes32" },
    { name: "outputDigest", type: "bytes32" },
  ],
  Rescue: [
    { name: "taskId", type: "bytes32" },
    { name: "worker", type: "address" },
  ],
  SessionAward: [
    { name: "requester", type: "address" },
    { name: "worker", type: "address" },
    { name: "modelDigest", type: "bytes32" },
    { name: "price", type: "uint256" },
    { name: "modelFee", type: "uint256" },
    { name: "openingFee", type: "uint256" },
    { name: "mostCalls", type: "uint32" },
    { name: "settleDeadline", type: "uint64" },
    { name: "nonce", type: "uint256" },
  ],
  Voucher: [
    { name: "sessionHash", type: "bytes32" },
    { name: "calls", type: "uint32" },
    { name: "history", type: "bytes32" },
    { name: "inputDigest", type: "bytes32" },
  ],
  CallReceipt: [
    { name: "sessionHash", type: "bytes32" },
    { name: "calls", type: "uint32" },
    { name: "history", type: "bytes32" },
  ],
} as const;

export interface Offer {
  requester: Address;
  modelDigest: Hex;
  inputDigest: Hex;
  priceMin: bigint;
  priceMax: bigint;
  rampStart: bigint;
  rampEnd: bigint;
  resultDeadline: bigint;
  settleDeadline: bigint;
  minStake: bigint;
  payToken: Address;
  nonce: bigint;
}

export interface Bid {
  offerHash: Hex;
  worker: Address;
  price: bigint;
  madeAt: bigint;
  resultBy: bigint;
  validUntil: bigint;
}

export interface Award {
  offerHash: Hex;
  bidHash: Hex;
  requester: Address;
  worker: Address;
  modelDigest: Hex;
  inputDigest: Hex;
  price: bigint;
  modelFee: bigint;
  resultDeadline: bigint;
  settleDeadline: bigint;
  nonce: bigint;
}

export interface Result {
  taskId: Hex;
  outputDigest: Hex;
}

export interface Rescue {
  taskId: Hex;
  worker: Address;
}

export interface SessionAward {
  requester: Address;
  worker: Address;
  modelDigest: Hex;
  price: bigint;
  modelFee: bigint;
  openingFee: bigint;
  mostCalls: number;
  settleDeadline: bigint;
  nonce: bigint;
}

export interface Voucher {
  sessionHash: Hex;
  calls: number;
  history: Hex;
  inputDigest: Hex;
}

export interface CallReceipt {
  sessionHash: Hex;
  calls: number;
  history: Hex;
}

/** The domain of every signed message: `verifyingContract` is ProofOfInference. */
export function domain(chainId: number, verifyingContract: Address) {
  return { name: "p2pnode", version: "1", chainId, verifyingContract } as const;
}

export type Domain = ReturnType<typeof domain>;

/** A copy in which integers are decimal strings, so that any JSON reader gets them exactly. */
export function toJson<T extends object>(message: T): Record<keyof T, string> {
  return Object.fromEntries(
    Object.entries(message).map(([name, value]) => [name, String(value)]),
  ) as Record<keyof T, string>;
}

/** The reverse of {@link toJson}: fields of integer type become bigints. */
export function fromJson<T>(type: keyof typeof TYPES, json: Record<string, string>): T {
  const fields: readonly { name: string; type: string }[] = TYPES[type];
  return Object.fromEntries(
    fields.map(({ name, type: fieldType }) => {
      const value = json[name];
      if (value === undefined) throw new Error(`${type}.${name} is missing`);
      if (fieldType === "uint32") return [name, Number(value)];
      return [name, fieldType.startsWith("uint") ? BigInt(value) : value];
    }),
  ) as T;
}
