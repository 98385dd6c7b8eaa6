/**
 * Writes the ABIs that the Python side needs to p2pnode/chain/abi/. Compiles first.
 *
 *     node scripts/export-abi.ts
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import hre from "hardhat";

export const ABI_DIR = path.join(import.meta.dirname, "../../p2pnode/chain/abi");

export const EXPORTED = [
  "JSC",
  "JSCBridge",
  "JoyToken",
  "ModelMarketplace",
  "NodeCoordinator",
  "ProofOfInference",
  "ProofOfUse",
  "StarkVerifier",
  "ZKVerifier",
] as const;

/** The text of one ABI file. */
export async function abiText(contract: string): Promise<string> {
  const { abi } = await hre.artifacts.readArtifact(contract);
  return JSON.stringify(abi, null, 1) + "\n";
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await hre.tasks.getTask("build").run({ quiet: true });
  await mkdir(ABI_DIR, { recursive: true });
  for (const contract of EXPORTED) {
    await writeFile(path.join(ABI_DIR, `${contract}.json`), await abiText(contract));
  }
  console.log(`wrote ${EXPORTED.length} ABIs to ${path.relative(process.cwd(), ABI_DIR)}`);
}
