import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import headerVerifier from "../../generated/HeaderVerifier.json" with { type: "json" };
import queryVerifier from "../../generated/QueryVerifier.json" with { type: "json" };
import Stark, { constraintParts } from "./Stark.ts";

/** Deploys the check of a proof in several transactions, for chains that cap a transaction below a whole proof. */
export default buildModule("StarkParts", (m) => {
  const { starkVerifier } = m.useModule(Stark);
  const starkPartsVerifier = m.contract("StarkPartsVerifier", [
    starkVerifier,
    constraintParts(m),
    headerVerifier.bytecode,
    queryVerifier.bytecode,
  ]);
  return { starkVerifier, starkPartsVerifier };
});
