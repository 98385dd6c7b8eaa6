import { encodeAbiParameters, type Hex, keccak256, sha256, stringToHex, zeroHash } from "viem";
import type { HDAccount } from "viem/accounts";

import type { SessionAward } from "../../scripts/typed-data.ts";
import { type Market, MODEL, PAYOUT, people } from "./market.ts";

export const NO_ANSWER = { output: "0x", receiptSignature: "0x" } as const;
export const CALL_PRICE = 10n ** 15n;
export const CALL_FEE = 10n ** 17n;
export const OPENING_FEE = 10n ** 17n;

export interface TestCall {
  number: number;
  history: Hex;
  inputDigest: Hex;
  outputDigest: Hex;
  output: Hex;
}

/** The history after one more call. */
export const extend = (history: Hex, inputDigest: Hex, outputDigest: Hex): Hex =>
  keccak256(
    encodeAbiParameters([{ type: "bytes32" }, { type: "bytes32" }, { type: "bytes32" }], [
      history, inputDigest, outputDigest,
    ]),
  );

/** Sessions between the requester and the worker of a market. */
export function sessionsOf(market: Market) {
  const { proofOfInference: poi, digestOf } = market;

  const award = async (changes: Partial<SessionAward> = {}): Promise<SessionAward> => ({
    requester: people.requester.address,
    worker: people.worker.address,
    modelDigest: MODEL,
    price: CALL_PRICE,
    modelFee: CALL_FEE,
    openingFee: OPENING_FEE,
    mostCalls: 100,
    settleDeadline: (await market.now()) + 3600n,
    nonce: 0n,
    ...changes,
  });

  /** What both sides say in `count` calls: the calls, and the history before each and after the last. */
  const calls = (session: SessionAward, count: number) => {
    const made: TestCall[] = [];
    let history = digestOf("SessionAward", session);
    for (let number = 1; number <= count; ++number) {
      const output = stringToHex(`output ${number}`, { size: 64 });
      const call = { number, history, inputDigest: keccak256(stringToHex(`input ${number}`)), outputDigest: sha256(output) };
      made.push({ ...call, output });
      history = extend(history, call.inputDigest, call.outputDigest);
    }
    return { made, history };
  };

  const voucher = async (session: SessionAward, count: number, ends: boolean, signer: HDAccount = people.requester) => {
    const { made, history } = calls(session, count);
    const message = {
      sessionHash: digestOf("SessionAward", session),
      calls: count,
      history: ends ? history : made.at(-1)!.history,
      inputDigest: ends ? zeroHash : made.at(-1)!.inputDigest,
    };
    return { message, signature: await signer.sign({ hash: digestOf("Voucher", message) }) };
  };

  const receiptSignature = (session: SessionAward, call: TestCall, signer: HDAccount = people.worker) =>
    signer.sign({
      hash: digestOf("CallReceipt", {
        sessionHash: digestOf("SessionAward", session),
        calls: call.number,
        history: extend(call.history, call.inputDigest, call.outputDigest),
      }),
    });

  /** The last answer, as the worker publishes it when the requester has not acknowledged it. */
  const answer = async (session: SessionAward, count: number, signer?: HDAccount) => {
    const call = calls(session, count).made.at(-1)!;
    return { output: call.output, receiptSignature: await receiptSignature(session, call, signer) };
  };

  /** Settles with the voucher for `count` calls: acknowledged ones, or with the last one asked for. */
  const settle = async (
    session: SessionAward,
    count: number,
    { ends = true, published = false, payout = PAYOUT.Direct as number, by = people.stranger } = {},
  ) => {
    const { message, signature } = await voucher(session, count, ends);
    const last = published ? await answer(session, count) : NO_ANSWER;
    return poi.write.settleSession([session, message, signature, last, payout], { account: by.address });
  };

  return { award, calls, voucher, answer, receiptSignature, settle };
}

export type Sessions = ReturnType<typeof sessionsOf>;
