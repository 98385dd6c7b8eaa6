import { concat, type Hex, sha256, toHex } from "viem";

import type { Award } from "../../scripts/typed-data.ts";

/** RFC 6962 section 2.1 as the RFC writes it: by recursive split, not level by level as the contract does. */
export function merkleRoot(leaves: readonly Hex[]): Hex {
  const [only] = leaves;
  if (only === undefined) throw new Error("a batch has at least one leaf");
  if (leaves.length === 1) return only;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(concat(["0x01", merkleRoot(leaves.slice(0, split)), merkleRoot(leaves.slice(split))]));
}

/** RFC 6962 section 2.1.1: siblings of a leaf from the bottom up, by the RFC's recursion. */
export function merklePath(leaves: readonly Hex[], index: number): Hex[] {
  if (leaves.length === 1) return [];
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...merklePath(left, index), merkleRoot(right)]
    : [...merklePath(right, index - split), merkleRoot(left)];
}

export function leaf(taskId: Hex, award: Award, outputDigest: Hex): Hex {
  return sha256(concat(["0x00", taskId, award.modelDigest, award.inputDigest, outputDigest]));
}

/** SHA-256 of the 40-byte journal over these leaves. */
export function journalDigest(leaves: readonly Hex[]): Hex {
  return sha256(concat([toHex(1, { size: 4 }), toHex(leaves.length, { size: 4 }), merkleRoot(leaves)]));
}
