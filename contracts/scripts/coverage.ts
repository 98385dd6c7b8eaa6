/**
 * Runs the contracts' tests under Hardhat's coverage, prints a table of the contracts and fails below the thresholds.
 *
 *     node scripts/coverage.ts
 *
 * Left out are the tests that measure gas, need mainnet's caps or compare what is compiled, none of which instrumented
 * code can keep. The private pool is listed, but not in the totals: its proofs are made by Python, so tests/chain calls
 * most of it, on a node that counts no lines. Hardhat counts
 * lines and statements and has no figure for branches; as a branch here ends in a statement of its own (a revert, a
 * return), statements stand for them.
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");
const LEAST = { lines: 98, statements: 95 };
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

const rows = [...run().matchAll(ROW)].map(([, file, line, statement, uncovered]) => ({
  file: file!, line: Number(line), statement: Number(statement), uncovered: uncovered!,
}));
const lines = linesByFile();
const counted = [...lines.keys()].filter((file) => !file.startsWith(APART));
const sum = (of: (file: string) => number) => counted.reduce((total, file) => total + of(file), 0);
const found = sum((file) => lines.get(file)!.found);
const statements = new Map(rows.map(({ file, statement }) => [file, statement]));
const total = {
  lines: (100 * sum((file) => lines.get(file)!.hit)) / found,
  // Hardhat gives no counts of statements: files are weighted by their lines.
  statements: sum((file) => (statements.get(file) ?? 0) * lines.get(file)!.found) / found,
};
for (const { file, line, statement, uncovered } of rows) {
  console.log(`${file.padEnd(44)}${line.toFixed(2).padStart(8)}${statement.toFixed(2).padStart(8)}  ${uncovered}`);
}
console.log(`${"lines and statements in all, per cent".padEnd(44)}${total.lines.toFixed(2).padStart(8)}${total.statements.toFixed(2).padStart(8)}`);
if (rows.length !== lines.size) throw new Error(`the report names ${rows.length} contracts, lcov.info ${lines.size}`);
if (total.lines < LEAST.lines || total.statements < LEAST.statements) {
  throw new Error(`coverage is below ${LEAST.lines} % of lines or ${LEAST.statements} % of statements`);
}
