// `P2PNODE_SEALS=FOLDER P2PNODE_CLAIM=0x... npx hardhat run stark/verdicts.ts`, in contracts/: what the contract says
// to each *.seal of a folder (contract encoding) for one claim, as a line of JSON {file: "accepted" or the check that
// failed}.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

import type { Hex } from "viem";

import { ask, deployStark } from "../test/stark/support/chain.ts";
import { allowedControlIds } from "../test/stark/support/fixtures.ts";

const { P2PNODE_SEALS: folder, P2PNODE_CLAIM: claim } = process.env;
if (!folder || !claim) throw new Error("set P2PNODE_SEALS to a folder and P2PNODE_CLAIM to a claim digest");

const chain = await deployStark(allowedControlIds());
const verdicts: Record<string, string> = {};
for (const file of (await readdir(folder)).filter((name) => name.endsWith(".seal")).sort()) {
  const { returned, failed } = await ask(chain, chain.sealVerifier, claim as Hex, await readFile(path.join(folder, file)));
  const allowed = returned && (await chain.starkVerifier.read.isAllowed([returned]));
  verdicts[file] = failed ?? (allowed ? "accepted" : "PROGRAM");
}
console.log(JSON.stringify(verdicts));
