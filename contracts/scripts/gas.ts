/**
 * Writes docs/gas.md: every external call as the tests make it, and settlement by batch size with the genuine proof.
 *
 *     node scripts/gas.ts
 */
import { execFileSync } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import hre from "hardhat";

import { settlements, TRANSACTION_GAS_CAP } from "./gas-settlement.ts";

const TARGET = path.join(import.meta.dirname, "../../docs/gas.md");
/** Tests whose calls are those of users; the rest is about proofs. */
const TESTS = ["register", "governance", "settlement", "slashing", "attacks"];
const CONTRACTS = [
  "ProofOfInference", "NodeCoordinator", "ModelMarketplace", "ProofOfUse", "JoyToken", "ProtocolParameters",
  "ZKVerifier",
];
/** For contracts, the protocol's own or a requester's: no transaction begins with them. */
const INTERNAL = new Set([
  "bind", "openReport", "recordAnswered", "recordSettled", "releaseReport", "slashRescued", "record", "setCallbackGas",
  "vouchReport",
]);

interface Figures {
  min: number;
  median: number;
  max: number;
}

type Stats = Record<string, { contractName: string; functions: Record<string, Figures> }>;

async function stats(): Promise<Stats> {
  const folder = await mkdtemp(path.join(tmpdir(), "p2pnode-gas-"));
  const file = path.join(folder, "gas.json");
  const root = path.join(import.meta.dirname, "..");
  const files = TESTS.flatMap((name) => globSync(`test/${name}/*.test.ts`, { cwd: root }));
  const hardhat = path.join(root, "node_modules/.bin/hardhat");
  try {
    execFileSync(process.execPath, [hardhat, "test", "nodejs", "--gas-stats-json", file, ...files], {
      cwd: root, stdio: ["ignore", "ignore", "inherit"],
    });
    return (JSON.parse(await readFile(file, "utf8")) as { contracts: Stats }).contracts;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const number = (value: number) => Math.round(value).toLocaleString("en-GB");

async function callTable(found: Stats): Promise<string[]> {
  const lines = ["| contract | call | least | median | most |", "|---|---|---:|---:|---:|"];
  const missing: string[] = [];
  for (const name of CONTRACTS) {
    const { abi } = await hre.artifacts.readArtifact(name);
    const functions = Object.values(found).find(({ contractName }) => contractName === name)?.functions ?? {};
    const calls = abi.flatMap((item) =>
      item.type === "function" && !["view", "pure"].includes(item.stateMutability) ? [item.name] : [],
    );
    for (const call of [...new Set<string>(calls)].sort()) {
      const figures = Object.entries(functions).find(([key]) => key.split("(")[0] === call)?.[1];
      if (figures !== undefined) {
        const shown = [figures.min, figures.median, figures.max].map(number).join(" | ");
        lines.push(`| ${name} | \`${call}\` | ${shown} |`);
      } else if (!INTERNAL.has(call)) {
        missing.push(`${name}.${call}`);
      }
    }
  }
  if (missing.length > 0) throw new Error(`no test calls ${missing.join(", ")}`);
  return lines;
}

async function main(): Promise<void> {
  await hre.tasks.getTask("build").run({ quiet: true });
  const calls = await callTable(await stats());
  const { rows, proof } = await settlements();
  const settled = rows.map(({ count, alone, together, apart }) => {
    const each = (gas: number) => `${number(gas)} | ${number(gas / count)}`;
    return `| ${count} | ${each(alone)} | ${each(together)} | ${each(apart)} |`;
  });
  const over = rows.filter(({ together }) => together > TRANSACTION_GAS_CAP).map(({ count }) => count);
  const text = [
    "# Gas",
    "",
    "Written by `node scripts/gas.ts` in `contracts/`, under mainnet's rules of the Osaka fork. Do not edit.",
    "",
    "## Settlement",
    "Awards of one requester, worker and model, paid by transfer, half of the protocol fee to the reward pool. The proof",
    `is a genuine STARK of ${number(proof.bytes)} bytes: its verification executes ${number(proof.execution)} gas, and a transaction that does nothing`,
    `else costs ${number(proof.transaction)}, where the floor of calldata (EIP-7623) is included. "Together" is one \`settleBatch\`; "apart" is`,
    "\`proveBatch\` and, in a later transaction, \`settleSlice\`.",
    "",
    "| awards | without the proof | an award | together | an award | apart | an award |",
    "|---:|---:|---:|---:|---:|---:|---:|",
    ...settled,
    "",
    over.length === 0
      ? `All of them are below the cap of one transaction (EIP-7825), ${number(TRANSACTION_GAS_CAP)}.`
      : `Above the cap of one transaction (EIP-7825), ${number(TRANSACTION_GAS_CAP)}, and so only apart: ${over.join(", ")} awards.`,
    "",
    "## Every call",
    "As the tests of `contracts/test` make them; `settleBatch` here is mostly of one award and without the proof. Calls that",
    "contracts make, the protocol's own or a requester's, are not listed.",
    "",
    ...calls,
    "",
  ];
  await writeFile(TARGET, text.join("\n"));
  console.log(`wrote ${path.relative(process.cwd(), TARGET)}`);
}

await main();
