import { network } from "hardhat";
import { concat, type Hex, hashTypedData, keccak256, sha256, stringToHex } from "viem";
import { mnemonicToAccount, type HDAccount } from "viem/accounts";

import { type Award, type Bid, domain, type Offer, TYPES } from "../../scripts/typed-data.ts";
import { journalDigest, leaf } from "./merkle.ts";
import TestCore from "./TestCore.ts";

export const JOY = 10n ** 18n;
export const DAY = 86_400n;
export const IMAGE_ID = keccak256(stringToHex("image"));
export const MODEL = keccak256(stringToHex("model"));
/** What stands for the encoded input tensors, and its digest. */
export const INPUT = stringToHex("input");
export const INPUT_DIGEST = sha256(INPUT);
export const PRICE = 2n * JOY;
export const MODEL_FEE = JOY / 10n;
export const ESCROW = 100n * JOY;

/** IPayout's members by name. */
export const PAYOUT = { Direct: 0, Credit: 1 } as const;

/** Order of the reasons in IProofOfInference.SkipReason. */
export const SKIP = [
  "None",
  "BadSignature",
  "NonceUsed",
  "Expired",
  "TooFarAhead",
  "InvalidWorker",
  "UnknownModel",
  "ModelFeeTooLow",
  "InsufficientEscrow",
] as const;

const account = (addressIndex: number): HDAccount =>
  mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex });

export const people = {
  treasury: account(9),
  requester: account(2),
  worker: account(3),
  modelOwner: account(4),
  stranger: account(5),
  secondWorker: account(6),
  governor: account(7),
  pauser: account(8),
};

/**
 * A fresh chain on which everything is deployed, one model is registered and the requester has {@link ESCROW}. The
 * whole protocol fee goes to the treasury unless a test is about rewards.
 */
export async function openMarket(change: { rewardBps?: number } = {}) {
  const connection = await network.create();
  const { viem, networkHelpers } = connection;
  const contracts = await connection.ignition.deploy(TestCore, {
    parameters: {
      TestCore: {
        imageId: IMAGE_ID,
        treasury: people.treasury.address,
        governor: people.governor.address,
        pauser: people.pauser.address,
        rewardBps: 0,
        ...change,
      },
    },
  });
  const { joyToken, proofOfInference, modelMarketplace, verifier } = contracts;
  await modelMarketplace.write.register([MODEL, MODEL_FEE, "bafkrei"], { account: people.modelOwner.address });
  await joyToken.write.transfer([people.requester.address, 1000n * JOY]);
  await joyToken.write.approve([proofOfInference.address, 1000n * JOY], { account: people.requester.address });
  await proofOfInference.write.deposit([ESCROW], { account: people.requester.address });

  const signed = domain(31337, proofOfInference.address);
  const digestOf = (type: keyof typeof TYPES, message: object): Hex =>
    hashTypedData({ domain: signed, types: TYPES, primaryType: type, message: message as never });
  const now = async () => BigInt(await networkHelpers.time.latest());

  /** An award that is in order, but for the fields in `changes`. */
  async function award(changes: Partial<Award> = {}): Promise<Award> {
    const time = await now();
    return {
      offerHash: keccak256(stringToHex("offer")),
      bidHash: keccak256(stringToHex("bid")),
      requester: people.requester.address,
      worker: people.worker.address,
      modelDigest: MODEL,
      inputDigest: INPUT_DIGEST,
      price: PRICE,
      modelFee: MODEL_FEE,
      resultDeadline: time + 600n,
      settleDeadline: time + 3600n,
      nonce: 0n,
      ...changes,
    };
  }

  /** The proof of a batch of these leaves exists from now on. */
  const announce = (leaves: Hex[]) => verifier.write.announce([IMAGE_ID, journalDigest(leaves)]);
  const seal = async () => concat([await verifier.read.SELECTOR(), "0x00"]);

  /** Announces the proof of exactly this batch and returns the arguments of `settleBatch`. */
  async function prove(awards: Award[], signer: HDAccount = people.requester, payout: number = PAYOUT.Direct) {
    const taskIds = awards.map((message) => digestOf("Award", message));
    const outputs = awards.map((_, index) => keccak256(stringToHex(`output ${index}`)));
    const leaves = awards.map((message, index) => leaf(taskIds[index]!, message, outputs[index]!));
    const signatures = await Promise.all(taskIds.map((hash) => signer.sign({ hash })));
    await announce(leaves);
    return { taskIds, leaves, args: [awards, signatures, outputs, await seal(), payout] as const };
  }

  /** What a transaction paid and skipped, from its events. */
  const settledBy = async (hash: Hex) => {
    const receipt = await (await viem.getPublicClient()).getTransactionReceipt({ hash });
    const at = { fromBlock: receipt.blockNumber, toBlock: receipt.blockNumber };
    const skipped = (await proofOfInference.getEvents.AwardSkipped({}, at)).map(({ args: event }) => ({
      taskId: event.taskId!,
      reason: SKIP[event.reason!]!,
    }));
    const settled = (await proofOfInference.getEvents.AwardSettled({}, at)).map(({ args: event }) => event);
    return { receipt, skipped, settled };
  };

  const settle = async (awards: Award[], signer?: HDAccount, payout?: number) => {
    const { taskIds, args } = await prove(awards, signer, payout);
    const hash = await proofOfInference.write.settleBatch(args, { account: people.stranger.address });
    return { taskIds, ...(await settledBy(hash)) };
  };

  /** A full set of papers for one task: offer, bid by the worker, award by the requester, both signatures. */
  async function papers(change: { offer?: Partial<Offer>; bid?: Partial<Bid>; award?: Partial<Award> } = {}) {
    const time = await now();
    const offer: Offer = {
      requester: people.requester.address,
      modelDigest: MODEL,
      inputDigest: INPUT_DIGEST,
      priceMin: PRICE,
      priceMax: PRICE,
      rampStart: time,
      rampEnd: time,
      resultDeadline: time + 600n,
      settleDeadline: time + 3600n,
      minStake: 0n,
      payToken: joyToken.address,
      nonce: 7n,
      ...change.offer,
    };
    const offerHash = digestOf("Offer", offer);
    const bid: Bid = {
      offerHash,
      worker: people.worker.address,
      price: PRICE,
      madeAt: time,
      resultBy: time + 300n,
      validUntil: time + 60n,
      ...change.bid,
    };
    const bidHash = digestOf("Bid", bid);
    const { resultDeadline, settleDeadline, nonce, inputDigest } = offer;
    const order = await award({
      offerHash, bidHash, resultDeadline, settleDeadline, nonce, inputDigest, ...change.award,
    });
    const taskId = digestOf("Award", order);
    return {
      offer,
      bid,
      award: order,
      taskId,
      bidSignature: await people.worker.sign({ hash: bidHash }),
      awardSignature: await people.requester.sign({ hash: taskId }),
    };
  }

  const joyOf = (who: { address: Hex }) => joyToken.read.balanceOf([who.address]);

  return {
    ...contracts, viem, networkHelpers, now, award, announce, seal, prove, settle, settledBy, papers, joyOf, digestOf,
  };
}

export type Market = Awaited<ReturnType<typeof openMarket>>;
