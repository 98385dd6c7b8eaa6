import { type Hex, keccak256, stringToHex, toHex } from "viem";
import type { HDAccount } from "viem/accounts";

import type { Award, Result } from "../../scripts/typed-data.ts";
import { leaf, merklePath, merkleRoot } from "./merkle.ts";
import { DAY, INPUT, JOY, openMarket, PAYOUT, people } from "./market.ts";

export const STAKE = 5n * JOY;
/** Least stake of a node in the tests' deployment, and what a fault costs. */
export const PENALTY = JOY;
export const CAPACITY = 2;

/** Order of the terms in ISlashing.Term. */
export const TERMS = [
  "OfferHash", "BidHash", "Requester", "Worker", "ModelDigest", "InputDigest", "Price", "ModelFee", "PayToken",
  "ResultDeadline", "SettleDeadline", "Nonce", "Ramp",
];

/** A market in which the worker has a node, and the means to accuse it. */
export async function openDisputes() {
  const market = await openMarket();
  const { joyToken, nodeCoordinator, proofOfInference, networkHelpers } = market;
  await joyToken.write.transfer([people.worker.address, STAKE]);
  await joyToken.write.approve([nodeCoordinator.address, STAKE], { account: people.worker.address });
  const peerId: Hex = `0x1220${"5a".repeat(32)}`;
  await nodeCoordinator.write.register([peerId, CAPACITY, STAKE], { account: people.worker.address });

  type Papers = Awaited<ReturnType<typeof market.papers>>;
  const from = (who: HDAccount) => ({ account: who.address });

  const result = async (taskId: Hex, output: string, signer: HDAccount = people.worker) => {
    const message: Result = { taskId, outputDigest: keccak256(stringToHex(output)) };
    return { message, signature: await signer.sign({ hash: market.digestOf("Result", message) }) };
  };
  const reportMissed = (papers: Papers, who: HDAccount = people.requester, input: Hex = INPUT) =>
    nodeCoordinator.write.reportMissed([papers, input], from(who));
  const reportUnproved = async (papers: Papers, who: HDAccount = people.requester, output = "answer") => {
    const { message, signature } = await result(papers.taskId, output);
    return nodeCoordinator.write.reportUnproved([papers.award, papers.awardSignature, message, signature], from(who));
  };
  const closeReport = (papers: Papers) => nodeCoordinator.write.closeReport([papers.award], from(people.stranger));
  const passDeadline = (papers: Papers) => networkHelpers.time.increaseTo(papers.award.settleDeadline + 1n);
  /** An award whose deadline has passed. */
  const missed = async (change?: Parameters<typeof market.papers>[0]) => {
    const papers = await market.papers(change);
    await passDeadline(papers);
    return papers;
  };
  /** One that was reported as missed. */
  const reported = async () => {
    const papers = await missed();
    await reportMissed(papers);
    return papers;
  };
  /** One that its worker can no longer answer. */
  const rescuable = async () => {
    const papers = await reported();
    await networkHelpers.time.increase(DAY + 1n);
    return papers;
  };

  /** Proves a batch of any leaves on chain; returns the slice of each. */
  const proveLeaves = async (leaves: Hex[]) => {
    await market.announce(leaves);
    const root = merkleRoot(leaves);
    await proofOfInference.write.proveBatch([leaves.length, root, await market.seal()], from(people.stranger));
    return leaves.map((_, first) => ({ count: leaves.length, first, path: merklePath(leaves, first) }));
  };
  /** The leaf of a rescue of this award by `rescuer`. */
  const rescueLeaf = (taskId: Hex, award: Award, rescuer: HDAccount, output: string) => {
    const leafId = market.digestOf("Rescue", { taskId, worker: rescuer.address });
    return { leafId, leaf: leaf(leafId, award, keccak256(stringToHex(output))) };
  };
  /** Proves and settles a rescue; `claimed` is who is named to the contract. */
  const rescue = async (papers: Papers, rescuer: HDAccount, claimed: HDAccount = rescuer, payout: number = PAYOUT.Direct) => {
    const mine = rescueLeaf(papers.taskId, papers.award, rescuer, "output");
    const [slice] = await proveLeaves([mine.leaf, keccak256(toHex("other work of the rescuer"))]);
    return proofOfInference.write.rescue(
      [papers.award, keccak256(stringToHex("output")), claimed.address, slice!, payout], from(people.stranger),
    );
  };
  /** Stops the verifier of the proofs; what is returned restarts it. */
  const stopVerifier = async () => {
    const owner = market.timelock.address;
    await networkHelpers.impersonateAccount(owner);
    await networkHelpers.setBalance(owner, JOY);
    const selector = await market.verifier.read.SELECTOR();
    await market.zkVerifier.write.pause([selector], from(people.pauser));
    return () => market.zkVerifier.write.unpause([selector], { account: owner });
  };
  const stakeOf = async (who: HDAccount) => (await nodeCoordinator.read.nodeOf([who.address]))[0].stake;
  const recordOf = async (who: HDAccount) => {
    const [, { settled, missed }] = await nodeCoordinator.read.nodeOf([who.address]);
    return { settled, missed };
  };
  const escrowOf = (who: HDAccount) => proofOfInference.read.escrowOf([who.address]);

  return {
    ...market, from, result, reportMissed, reportUnproved, closeReport, passDeadline, missed, reported, rescuable,
    proveLeaves, rescueLeaf, rescue, stopVerifier, stakeOf, recordOf, escrowOf,
  };
}

export type Disputes = Awaited<ReturnType<typeof openDisputes>>;
export type Papers = Awaited<ReturnType<Disputes["papers"]>>;
