import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import type { IgnitionModuleBuilder } from "@nomicfoundation/ignition-core";

import part0 from "../../generated/ConstraintPart0.json" with { type: "json" };
import part1 from "../../generated/ConstraintPart1.json" with { type: "json" };
import part2 from "../../generated/ConstraintPart2.json" with { type: "json" };
import part3 from "../../generated/ConstraintPart3.json" with { type: "json" };
import part4 from "../../generated/ConstraintPart4.json" with { type: "json" };
import part5 from "../../generated/ConstraintPart5.json" with { type: "json" };
import part6 from "../../generated/ConstraintPart6.json" with { type: "json" };
import part7 from "../../generated/ConstraintPart7.json" with { type: "json" };
import sealVerifier from "../../generated/SealVerifier.json" with { type: "json" };

const artifacts = [part0, part1, part2, part3, part4, part5, part6, part7];

/** The eight constraint contracts, deployed by their own module so that several verifiers can share them. */
const ConstraintParts = buildModule("ConstraintParts", (m) =>
  Object.fromEntries(artifacts.map((artifact) => [
    artifact.contractName, m.contract(artifact.contractName, artifact, []),
  ])),
);

/** The constraint contracts, in order. */
export function constraintParts(m: IgnitionModuleBuilder) {
  const contracts = m.useModule(ConstraintParts);
  return artifacts.map(({ contractName }) => contracts[contractName]!);
}

/**
 * Deploys the STARK verifier: eight constraint contracts, then StarkVerifier, which checks their code and creates
 * the two others. Parameter `controlIds`: bytes32 values in ascending order, see `../controlIds.ts`.
 */
export default buildModule("Stark", (m) => {
  const controlIds = m.getParameter<string[]>("controlIds");
  const starkVerifier = m.contract("StarkVerifier", [constraintParts(m), sealVerifier.bytecode, controlIds]);
  return { starkVerifier };
});
