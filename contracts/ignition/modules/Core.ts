import type { ContractFuture, IgnitionModuleBuilder, StaticCallFuture } from "@nomicfoundation/ignition-core";
import { zeroAddress } from "viem";

/** A verifier of the router, by the selector that its seals begin with. */
interface Route {
  readonly selector: StaticCallFuture<string, string> | string;
  readonly verifier: ContractFuture<string>;
}

/**
 * Deploys everything but the proof verifiers: the token, the register of models, the timelock and the two contracts
 * that it owns (the parameters, the router over `routes`), the register of workers, and the settlement contract,
 * which binds the register and deploys the record of use itself.
 *
 * Parameters (of the calling module): `imageId` (required), `tokenHolder`, `treasury`, `governor` (proposes to the
 * timelock) and `pauser` (the first account unless given), `timelockDelay`, `protocolFeeBps`, `rewardBps`,
 * `withdrawalDelay`, `epochLength`, `unbondingDelay` (seconds), `minStake` (smallest unit of JOY).
 */
export function core(m: IgnitionModuleBuilder, routes: readonly Route[]) {
  const deployer = m.getAccount(0);

  const joyToken = m.contract("JoyToken", [m.getParameter("tokenHolder", deployer)]);
  const modelMarketplace = m.contract("ModelMarketplace");
  // Anyone executes what has waited its time: a governor that has lost its keys cannot hold it back.
  const timelock = m.contract("ProtocolTimelock", [
    m.getParameter("timelockDelay", 172_800),
    [m.getParameter("governor", deployer)],
    [zeroAddress],
  ]);
  const parameters = m.contract("ProtocolParameters", [
    timelock,
    {
      treasury: m.getParameter("treasury", deployer),
      protocolFeeBps: m.getParameter("protocolFeeBps", 100),
      rewardBps: m.getParameter("rewardBps", 5_000),
    },
  ]);
  const zkVerifier = m.contract("ZKVerifier", [
    timelock,
    m.getParameter("pauser", deployer),
    routes.map(({ selector, verifier }) => ({ selector, verifier })),
  ]);
  const nodeCoordinator = m.contract("NodeCoordinator", [
    joyToken,
    m.getParameter("minStake", 10n ** 18n),
    m.getParameter("unbondingDelay", 604_800),
  ]);
  const proofOfInference = m.contract("ProofOfInference", [
    {
      token: joyToken,
      zkVerifier,
      imageId: m.getParameter<string>("imageId"),
      marketplace: modelMarketplace,
      parameters,
      withdrawalDelay: m.getParameter("withdrawalDelay", 172_800),
      epochLength: m.getParameter("epochLength", 86_400),
      coordinator: nodeCoordinator,
    },
  ]);
  const proofOfUse = m.contractAt(
    "ProofOfUse",
    m.staticCall(proofOfInference, "proofOfUse", [], 0, { id: "proofOfUseAddress" }),
  );
  return {
    joyToken, modelMarketplace, timelock, parameters, zkVerifier, proofOfInference, nodeCoordinator, proofOfUse,
  };
}
