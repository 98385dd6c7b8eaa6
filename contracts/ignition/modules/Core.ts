import type { ContractFuture, IgnitionModuleBuilder, StaticCallFuture } from "@nomicfoundation/ignition-core";

type Verifier = ContractFuture<string>;
type Selector = StaticCallFuture<string, string> | string;

/**
 * Deploys everything but the proof verifiers: the token, the register of models, the router over `verifier`, and the
 * settlement contract, which deploys the register of workers and the record of use itself.
 *
 * Parameters (of the calling module): `imageId` (required), `tokenHolder`, `treasury` and `verifierOwner` (the first
 * account unless given), `protocolFeeBps`, `withdrawalDelay`, `epochLength`, `unbondingDelay` (seconds), `minStake`
 * (smallest unit of JOY).
 */
export function core(m: IgnitionModuleBuilder, verifier: Verifier, selector: Selector) {
  const deployer = m.getAccount(0);

  const joyToken = m.contract("JoyToken", [m.getParameter("tokenHolder", deployer)]);
  const modelMarketplace = m.contract("ModelMarketplace");
  const zkVerifier = m.contract("ZKVerifier", [
    m.getParameter("verifierOwner", deployer),
    [{ selector, verifier }],
  ]);
  const proofOfInference = m.contract("ProofOfInference", [
    {
      token: joyToken,
      zkVerifier,
      imageId: m.getParameter<string>("imageId"),
      marketplace: modelMarketplace,
      treasury: m.getParameter("treasury", deployer),
      protocolFeeBps: m.getParameter("protocolFeeBps", 100),
      withdrawalDelay: m.getParameter("withdrawalDelay", 172_800),
      epochLength: m.getParameter("epochLength", 86_400),
      minStake: m.getParameter("minStake", 10n ** 18n),
      unbondingDelay: m.getParameter("unbondingDelay", 604_800),
    },
  ]);
  const nodeCoordinator = m.contractAt(
    "NodeCoordinator",
    m.staticCall(proofOfInference, "coordinator", [], 0, { id: "coordinatorAddress" }),
  );
  const proofOfUse = m.contractAt(
    "ProofOfUse",
    m.staticCall(proofOfInference, "proofOfUse", [], 0, { id: "proofOfUseAddress" }),
  );
  return { joyToken, modelMarketplace, zkVerifier, proofOfInference, nodeCoordinator, proofOfUse };
}
