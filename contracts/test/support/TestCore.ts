import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import { core } from "../../ignition/modules/Core.ts";

/** The product's own wiring around the tests' verifier. */
export default buildModule("TestCore", (m) => {
  const verifier = m.contract("JournalVerifier");
  return { verifier, ...core(m, [{ selector: m.staticCall(verifier, "SELECTOR"), verifier }]) };
});
