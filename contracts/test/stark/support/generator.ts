import { execFileSync } from "node:child_process";
import path from "node:path";

import type { Hex } from "viem";

const CONTRACTS = path.join(import.meta.dirname, "../../..");
const PYTHON = process.env.P2PNODE_PYTHON ?? path.join(CONTRACTS, "../.venv/bin/python");

/** A build of SealVerifier that is not for use. */
export interface VariantBuild {
  readonly bytecode: Hex;
  readonly phases: readonly string[];
}

/** Have the generator write a variant: without Merkle comparisons, or one that measures its phases. */
export function buildVariant(option: "--without-paths" | "--phases"): VariantBuild {
  const output = execFileSync(PYTHON, ["-m", "stark", "variant", option], { cwd: CONTRACTS, encoding: "utf8" });
  return JSON.parse(output) as VariantBuild;
}
