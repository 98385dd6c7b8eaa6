/**
 * Runs the contracts' tests under Hardhat's coverage, prints a table of the contracts and fails below the thresholds.
 *
 *     node scripts/coverage.ts
 *
 * Lines and statements are Hardhat's own figures; branches.ts says what a branch is and makes them seen. Left out are
 * the tests that measure gas, need mainnet's caps or compare what is compiled, none of which instrumented code can
 * keep. The private pool is listed, but not in the totals: its proofs are made by Python, so tests/chain calls most of
 * it, on a node that counts no lines.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";

import { branchingsOf, tagOf } from "./branches.ts";

const ROOT = path.join(import.meta.dirname, "..");
const LEAST = { lines: 98, statements: 95, branches: 95 };
const LEFT_OUT = /gas\.test|settle\.genuine|interop\/vectors|stark\/(acceptance|corruption|openings)/;
const APART = "contracts/jsc/";
const ROW = /║ (contracts\/\S+)\s*│\s*([\d.]+)\s*│\s*([\d.]+)\s*│\s*(.*?)\s*║/g;

function run(): string {
  const files = globSync("test/**/*.{test.ts,t.sol}", { cwd: ROOT }).filter((name) => !LEFT_OUT.test(name));
  const hardhat = path.join(ROOT, "node_modules/.bin/hardhat");
  const { status, stdout, stderr } = spawnSync(process.execPath, [hardhat, "test", "--coverage", ...files], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, P2PNODE_COVERAGE: "1", FORCE_COLOR: "0" },
    maxBuffer: 1 << 28,
  });
  if (status !== 0) throw new Error(`tests failed under coverage:\n${stdout.slice(-8_000)}\n${stderr}`);
  return stdout;
}

/** Lines of each contract by its file: found and hit. */
function linesByFile(): Map<string, { found: number; hit: number }> {
  const lines = new Map<string, { found: number; hit: number }>();
  for (const record of readFileSync(path.join(ROOT, "coverage/lcov.info"), "utf8").split("end_of_record")) {
    const [file, found, hit] = [/SF:(.*)/, /LF:(\d+)/, /LH:(\d+)/].map((field) => field.exec(record)?.[1]);
    if (file?.startsWith("contracts/")) lines.set(file, { found: Number(found), hit: Number(hit) });
  }
  return lines;
}

/** How many branches a contract has, and the line and condition of each that was never taken. */
function branchesOf(file: string, seen: Set<string>): { found: number; missed: string[] } {
  const source = readFileSync(path.join(ROOT, file));
  let found = 0;
  const missed: string[] = [];
  for (const [index, { start, end, outcomes }] of branchingsOf(source.toString()).entries()) {
    for (const outcome of outcomes === 1 ? [false] : [false, true]) {
      ++found;
      if (seen.has(tagOf(file, index, outcome))) continue;
      const line = source.subarray(0, start).toString().split("\n").length;
      const condition = `\`${source.subarray(start, end)}\` is never ${outcome}`;
      missed.push(`${line}: ${outcomes === 1 ? "the clause of `try` is never run" : condition}`);
    }
  }
  return { found, missed };
}

/** Everything that the tests' chains wrote down. */
function tagsSeen(): Set<string> {
  const files = globSync("coverage/data/*/*.json", { cwd: ROOT });
  return new Set(files.flatMap((name) => Object.keys(JSON.parse(readFileSync(path.join(ROOT, name), "utf8")))));
}

rmSync(path.join(ROOT, "coverage"), { recursive: true, force: true });
const rows = [...run().matchAll(ROW)].map(([, file, line, statement, uncovered]) => ({
  file: file!, line: Number(line), statement: Number(statement), uncovered: uncovered!,
}));
const lines = linesByFile();
if (rows.length !== lines.size) throw new Error(`the report names ${rows.length} contracts, lcov.info ${lines.size}`);
const seen = tagsSeen();
const branches = new Map(rows.map(({ file }) => [file, branchesOf(file, seen)]));
const statements = new Map(rows.map(({ file, statement }) => [file, statement]));
const counted = [...lines.keys()].filter((file) => !file.startsWith(APART));
const sum = (of: (file: string) => number) => counted.reduce((total, file) => total + of(file), 0);
const found = { lines: sum((file) => lines.get(file)!.found), branches: sum((file) => branches.get(file)!.found) };
const total = {
  lines: (100 * sum((file) => lines.get(file)!.hit)) / found.lines,
  // Hardhat gives no counts of statements: files are weighted by their lines.
  statements: sum((file) => (statements.get(file) ?? 0) * lines.get(file)!.found) / found.lines,
  branches: 100 - (100 * sum((file) => branches.get(file)!.missed.length)) / found.branches,
};

const print = (name: string, figures: string[], rest = "") =>
  console.log(`${name.padEnd(44)}${figures.map((figure) => figure.padStart(12)).join("")}  ${rest}`.trimEnd());
const digits = (figures: number[]) => figures.map((figure) => figure.toFixed(2));
print("per cent of", Object.keys(LEAST), "lines not run");
for (const { file, line, statement, uncovered } of rows) {
  const own = branches.get(file)!;
  const taken = own.found === 0 ? 100 : 100 - (100 * own.missed.length) / own.found;
  print(file, digits([line, statement, taken]), uncovered);
}
print("in all, without the private pool", digits(Object.values(total)));
console.log("\nbranches never taken");
for (const file of counted) for (const missed of branches.get(file)!.missed) console.log(`${file}:${missed}`);
const below = (Object.keys(LEAST) as (keyof typeof LEAST)[]).filter((kind) => total[kind] < LEAST[kind]);
if (below.length !== 0) throw new Error(`below ${below.map((kind) => `${LEAST[kind]} % of ${kind}`).join(", ")}`);
