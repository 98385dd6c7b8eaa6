import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { core } from "./Core.ts";
import { jsc } from "./Jsc.ts";
import StarkParts from "./StarkParts.ts";

/**
 * The whole product on a chain that caps a transaction below a whole proof: its router also takes claims that were
 * proved in several transactions. Parameters: see {@link core}.
 */
export default buildModule("P2PNodeParts", (m) => {
  const { starkVerifier, starkPartsVerifier } = m.useModule(StarkParts);
  const routes = [starkVerifier, starkPartsVerifier].map((verifier) => ({
    selector: m.staticCall(verifier, "SELECTOR", [], 0, { id: `selectorOf${verifier.contractName}` }),
    verifier,
  }));
  const contracts = core(m, routes);
  return { starkVerifier, starkPartsVerifier, ...contracts, ...jsc(m, contracts.proofOfInference) };
});
