/**
 * Writes tests/vectors/eip712.json: one message of each type, its typed-data digest and the signature of Hardhat's
 * account 1. Python and Solidity are checked against it, so that all three sign the same bytes.
 *
 *     node scripts/vectors.ts
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { type Hex, hashDomain, hashTypedData, keccak256, stringToHex } from "viem";
import { mnemonicToAccount } from "viem/accounts";

import {
  type Award, type Bid, type CallReceipt, domain, type Offer, type Rescue, type Result, type SessionAward, toJson, TYPES,
  type Voucher,
} from "./typed-data.ts";

export const VECTORS_FILE = path.join(import.meta.dirname, "../../tests/vectors/eip712.json");

const MNEMONIC = "test test test test test test test test test test test junk";
const DOMAIN = domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3");

const digest = (label: string): Hex => keccak256(stringToHex(label));

/** The vectors as they are written, signatures by RFC 6979 and therefore always the same. */
export async function vectors() {
  const signer = mnemonicToAccount(MNEMONIC, { addressIndex: 1 });
  const worker = mnemonicToAccount(MNEMONIC, { addressIndex: 2 }).address;
  const offer: Offer = {
    requester: signer.address,
    modelDigest: digest("model"),
    inputDigest: digest("input"),
    priceMin: 10n ** 18n,
    priceMax: 3n * 10n ** 18n,
    rampStart: 1_767_225_600n,
    rampEnd: 1_767_225_660n,
    resultDeadline: 1_767_225_720n,
    settleDeadline: 1_767_229_200n,
    minStake: 100n * 10n ** 18n,
    payToken: "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
    nonce: (1n << 255n) + 7n,
  };
  const offerHash = hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "Offer", message: offer });
  const bid: Bid = {
    offerHash,
    worker,
    price: 2n * 10n ** 18n + 1n,
    madeAt: 1_767_225_631n,
    resultBy: 1_767_225_700n,
    validUntil: 1_767_225_650n,
  };
  const bidHash = hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "Bid", message: bid });
  const award: Award = {
    offerHash,
    bidHash,
    requester: offer.requester,
    worker,
    modelDigest: offer.modelDigest,
    inputDigest: offer.inputDigest,
    price: bid.price,
    modelFee: 5n * 10n ** 17n,
    resultDeadline: offer.resultDeadline,
    settleDeadline: offer.settleDeadline,
    nonce: offer.nonce,
  };
  const taskId = hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "Award", message: award });
  const result: Result = { taskId, outputDigest: digest("output") };
  const resultHash = hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "Result", message: result });
  const rescue: Rescue = { taskId, worker: mnemonicToAccount(MNEMONIC, { addressIndex: 3 }).address };
  const rescueHash = hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "Rescue", message: rescue });
  const session: SessionAward = {
    requester: signer.address,
    worker,
    modelDigest: offer.modelDigest,
    price: 10n ** 15n,
    modelFee: 10n ** 14n,
    openingFee: 10n ** 17n,
    mostCalls: 1000,
    settleDeadline: offer.settleDeadline,
    nonce: offer.nonce + 1n,
  };
  const sessionHash = hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "SessionAward", message: session });
  const voucher: Voucher = { sessionHash, calls: 7, history: digest("history"), inputDigest: offer.inputDigest };
  const voucherHash = hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "Voucher", message: voucher });
  const receipt: CallReceipt = { sessionHash, calls: 7, history: digest("history") };
  const receiptHash = hashTypedData({ domain: DOMAIN, types: TYPES, primaryType: "CallReceipt", message: receipt });
  const entry = async (message: object, hash: Hex) => ({
    message: toJson(message),
    digest: hash,
    signature: await signer.sign({ hash }),
  });
  return {
    domain: DOMAIN,
    domainSeparator: hashDomain({
      domain: { ...DOMAIN, chainId: BigInt(DOMAIN.chainId) },
      types: {
        EIP712Domain: [
          { name: "name", type: "string" },
          { name: "version", type: "string" },
          { name: "chainId", type: "uint256" },
          { name: "verifyingContract", type: "address" },
        ],
      },
    }),
    signer: signer.address,
    Offer: await entry(offer, offerHash),
    Bid: await entry(bid, bidHash),
    Award: await entry(award, taskId),
    Result: await entry(result, resultHash),
    Rescue: await entry(rescue, rescueHash),
    SessionAward: await entry(session, sessionHash),
    Voucher: await entry(voucher, voucherHash),
    CallReceipt: await entry(receipt, receiptHash),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await mkdir(path.dirname(VECTORS_FILE), { recursive: true });
  await writeFile(VECTORS_FILE, JSON.stringify(await vectors(), null, 2) + "\n");
  console.log(`wrote ${path.relative(process.cwd(), VECTORS_FILE)}`);
}
