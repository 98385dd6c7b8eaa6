/**
 * Runs Slither on the contracts as Hardhat compiled them; docs of its findings: SLITHER.md.
 *
 *     python3 -m venv DIR && DIR/bin/pip install slither-analyzer
 *     node scripts/slither.ts DIR/bin/slither [ARGUMENT...]
 *
 * Slither reads Hardhat 2's build files, so the last build is written in that form beside a copy of its sources.
 */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import hre from "hardhat";

const [slither, ...rest] = process.argv.slice(2);
if (slither === undefined) throw new Error("give the path of slither; see the head of scripts/slither.ts");

/** As paths from the copy's root. */
const renamed = (text: string) =>
  text.replaceAll("project/contracts/", "contracts/").replaceAll(/npm\/(@?[\w/-]+)@[\d.]+\//g, "node_modules/$1/");

interface Input {
  solcVersion: string;
  solcLongVersion: string;
  input: { sources: Record<string, { content: string }> };
}

const build = path.join(hre.config.paths.artifacts, "build-info");
const folder = await mkdtemp(path.join(tmpdir(), "p2pnode-slither-"));
try {
  await hre.tasks.getTask("build").run({ force: true, quiet: true });
  await mkdir(path.join(folder, "artifacts/build-info"), { recursive: true });
  await writeFile(path.join(folder, "hardhat.config.js"), "module.exports = {};\n");
  for (const name of (await readdir(build)).filter((file) => !file.endsWith(".output.json"))) {
    const info = JSON.parse(renamed(await readFile(path.join(build, name), "utf8"))) as Input;
    if (!Object.keys(info.input.sources).some((source) => source.startsWith("contracts/"))) continue;
    const outputFile = path.join(build, name.replace(".json", ".output.json"));
    const { output } = JSON.parse(renamed(await readFile(outputFile, "utf8"))) as { output: object };
    const { solcVersion, solcLongVersion, input } = info;
    const old = { _format: "hh-sol-build-info-1", id: name, solcVersion, solcLongVersion, input, output };
    await writeFile(path.join(folder, "artifacts/build-info", name), JSON.stringify(old));
    for (const [source, { content }] of Object.entries(input.sources)) {
      const file = path.join(folder, source);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, content);
    }
  }
  const options = ["--ignore-compile", "--hardhat-artifacts-directory", "artifacts", "--filter-paths", "node_modules|test/|project/"];
  const { status } = spawnSync(path.resolve(slither), [".", ...options, ...rest], { cwd: folder, stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  await rm(folder, { recursive: true });
}
