import type { ContractFuture, IgnitionModuleBuilder } from "@nomicfoundation/ignition-core";

/**
 * Deploys the pool of private notes: its range verifier, and the bridge, which deploys the pool itself.
 *
 * Parameters (of the calling module): `jscCap` (most units of 10^-9 JOY in the pool; a million JOY unless given),
 * `jscMinAge` (blocks before a ring may use a full bin; 10 unless given).
 */
export function jsc(m: IgnitionModuleBuilder, proofOfInference: ContractFuture<string>) {
  const rangeVerifier = m.contract("BulletproofsPlusVerifier");
  const jscBridge = m.contract("JSCBridge", [
    proofOfInference,
    rangeVerifier,
    m.getParameter("jscCap", 10n ** 15n),
    m.getParameter("jscMinAge", 10),
  ]);
  const pool = m.contractAt("JSC", m.staticCall(jscBridge, "pool", [], 0, { id: "jscAddress" }));
  return { rangeVerifier, jscBridge, jsc: pool };
}
