import { readFileSync } from "node:fs";
import path from "node:path";

import type { Hex } from "viem";

interface ControlIdFile {
  readonly identity: Hex;
  readonly lift: Readonly<Record<string, Hex>>;
}

const PUBLISHED = path.join(import.meta.dirname, "../../circuits_guest/images/control_ids.json");

/** Control ids of the recursion programs that the prover ends with, ascending as StarkVerifier wants them. */
export function controlIds(file: string = PUBLISHED): Hex[] {
  const ids = JSON.parse(readFileSync(file, "utf8")) as ControlIdFile;
  return [ids.identity, ...Object.values(ids.lift)].map((id) => id.toLowerCase() as Hex).sort();
}
