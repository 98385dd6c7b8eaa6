import { readFileSync } from "node:fs";
import path from "node:path";

import type { Hex } from "viem";

/** Where the prover's control ids are committed: program name -> Merkle root of its code columns under Keccak. */
export const PUBLISHED = path.join(import.meta.dirname, "../../circuits_guest/images/control_ids.json");

/** Control ids of the recursion programs that the prover ends with, ascending as StarkVerifier wants them. */
export function controlIds(file: string = PUBLISHED): Hex[] {
  const ids = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, Hex>>;
  return Object.values(ids).map((id) => id.toLowerCase() as Hex).sort();
}
