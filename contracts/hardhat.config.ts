import path from "node:path";

import hardhatToolboxViem from "@nomicfoundation/hardhat-toolbox-viem";
import { configVariable, defineConfig } from "hardhat/config";

/** The compiler is the one in package-lock.json: naming its path keeps Hardhat from fetching another. */
const solc = {
  version: "0.8.37",
  path: path.join(import.meta.dirname, "node_modules/solc/soljson.js"),
  settings: {
    evmVersion: "osaka",
    // Few runs: code size binds (EIP-170, and EIP-3860 for ProofOfInference, which deploys two others), gas does not.
    optimizer: { enabled: true, runs: 200 },
  },
};

const coverage = process.env.P2PNODE_COVERAGE === "1";
/** Loaded for coverage alone, as it loads the compiler. */
const branchCoverage = coverage ? [(await import("./scripts/branches.ts")).branchCoverage] : [];
/** The pool of private notes is all arithmetic: here gas binds, and its contracts are small. */
const fast = { ...solc, settings: { ...solc.settings, viaIR: true, optimizer: { enabled: true, runs: 1_000_000 } } };
const jsc = ["BulletproofsPlusVerifier", "JSCBridge", "JSC"].map((name) => [`contracts/jsc/${name}.sol`, fast] as const);
const compilers = { compilers: [solc], overrides: Object.fromEntries(jsc) };

/** Calls of the invariants: ten times as many in `make test-deep`, and few under coverage, which needs each line once. */
const runs = coverage ? 2 : process.env.P2PNODE_DEEP === "1" ? 2_560 : 256;

/** Mainnet's rules: no `transactionGasCap` here, so EIP-7825's 16,777,216 holds in tests and on the devnet. */
const mainnetRules = {
  type: "edr-simulated",
  chainType: "l1",
  chainId: 31337,
  hardfork: "osaka",
  blockGasLimit: 60_000_000n,
} as const;

export default defineConfig({
  plugins: [hardhatToolboxViem, ...branchCoverage],
  solidity: { profiles: { default: compilers, production: compilers } },
  paths: {
    // test/support holds contracts that only tests deploy; as a source folder their types are generated too.
    sources: { solidity: ["./contracts", "./test/support"] },
    ignition: process.env.P2PNODE_IGNITION_DIR ?? "./ignition",
    // Instrumented contracts are nobody else's: tests on chains deploy from ./artifacts meanwhile.
    ...(coverage ? { artifacts: "./coverage/artifacts", cache: "./coverage/cache" } : {}),
  },
  test: {
    solidity: {
      fuzz: { runs: 256, seed: "0x70326e6f6465" },
      invariant: { runs, depth: 500, failOnRevert: true },
    },
  },
  networks: {
    default: mainnetRules,
    node: mainnetRules,
    // Without a key the endpoint's own unlocked accounts sign, as a devnet has them.
    rpc: {
      type: "http",
      chainType: "l1",
      url: configVariable("P2PNODE_RPC_URL"),
      accounts: process.env.P2PNODE_DEPLOYER_KEY ? [configVariable("P2PNODE_DEPLOYER_KEY")] : "remote",
    },
  },
});
