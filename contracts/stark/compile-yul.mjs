// Compile Yul from standard input with the solc of package-lock.json; creation code as hex on standard output.
import { readFileSync } from "node:fs";

import solc from "solc";

// The compiler's default sequence without the full inliner: with it, contract A exceeds the code size limit.
const optimizerSteps = "dhfoDgvulfnTUtnIf";

const input = {
  language: "Yul",
  sources: { "verifier.yul": { content: readFileSync(0, "utf8") } },
  settings: {
    evmVersion: "osaka",
    optimizer: {
      enabled: true,
      runs: 200,
      details: { yul: true, yulDetails: { stackAllocation: true, optimizerSteps } },
    },
    outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
  },
};

const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((error) => error.severity === "error");
if (errors.length > 0) {
  console.error(errors.map((error) => error.formattedMessage).join("\n"));
  process.exit(1);
}
const [contract] = Object.values(output.contracts["verifier.yul"]);
process.stdout.write(contract.evm.bytecode.object);
