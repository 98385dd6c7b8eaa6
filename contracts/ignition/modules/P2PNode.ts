import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { core } from "./Core.ts";
import { jsc } from "./Jsc.ts";
import Stark from "./Stark.ts";

/** The whole product on one chain: the STARK verifier and everything that rests on it. Parameters: see {@link core}. */
export default buildModule("P2PNode", (m) => {
  const { starkVerifier } = m.useModule(Stark);
  const selector = m.staticCall(starkVerifier, "SELECTOR");
  const contracts = core(m, [{ selector, verifier: starkVerifier }]);
  return { starkVerifier, ...contracts, ...jsc(m, contracts.proofOfInference) };
});
