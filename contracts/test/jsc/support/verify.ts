/**
 * The second verifier as a program: reads {"chainId", "pool", "transaction"} a line, integers as decimal strings, and
 * prints true or false a line.
 */
import { createInterface } from "node:readline";

import { type AbiTransaction, verify } from "./verifier.ts";

const revive = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(revive) : typeof value === "string" && /^\d+$/.test(value) ? BigInt(value) : value;

for await (const line of createInterface({ input: process.stdin })) {
  const { chainId, pool, transaction } = JSON.parse(line);
  console.log(verify(revive(transaction) as AbiTransaction, BigInt(chainId), pool));
}
