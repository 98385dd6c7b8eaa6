import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

import Stark from "./Stark.ts";

/**
 * A router for any application that checks RISC Zero receipts: by their STARK, as ours are, or by RISC Zero's own
 * Groth16 proof. Apart from the product: its settlement accepts STARKs alone, since Groth16 rests on a trusted setup.
 *
 * Parameters: `owner` (who may restart a verifier) and `pauser` (who may stop one; both the first account unless
 * given), `controlRoot` and `controlId` (of the release whose Groth16 receipts are accepted, 3.0 unless given).
 */
export default buildModule("Verifiers", (m) => {
  const { starkVerifier } = m.useModule(Stark);
  const groth16Verifier = m.contract("Groth16Verifier", [
    m.getParameter("controlRoot", "0xa54dc85ac99f851c92d7c96d7318af41dbe7c0194edfcc37eb4d422a998c1f56"),
    m.getParameter("controlId", "0xc07a65145c3cb48b6101962ea607a4dd93c753bb26975cb47feb00d3666e4404"),
  ]);
  const router = m.contract("ZKVerifier", [
    m.getParameter("owner", m.getAccount(0)),
    m.getParameter("pauser", m.getAccount(0)),
    [
      { selector: m.staticCall(starkVerifier, "SELECTOR"), verifier: starkVerifier },
      { selector: m.staticCall(groth16Verifier, "SELECTOR"), verifier: groth16Verifier },
    ],
  ]);
  return { starkVerifier, groth16Verifier, router };
});
