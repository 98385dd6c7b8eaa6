import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { encodeAbiParameters, type Hex, toHex } from "viem";

import { type Market, openMarket, PAYOUT, people } from "../support/market.ts";
import { keyImageRoots, multiple } from "./support/verifier.ts";

const UNIT = 10n ** 9n;
const MEMO = toHex(7, { size: 201 });

/** An encoded StealthNote with the one-time key `scalar * G`. */
function stealthAddress(scalar: bigint): Hex {
  const [x, y] = multiple(scalar);
  const point = { name: "key", type: "tuple", components: [{ name: "x", type: "uint256" }, { name: "y", type: "uint256" }] } as const;
  const note = { type: "tuple", components: [point, { name: "roots", type: "uint256[]" }, { name: "memo", type: "bytes" }] } as const;
  return encodeAbiParameters([note], [{ key: { x, y }, roots: keyImageRoots([x, y]), memo: MEMO }]);
}

describe("A worker's pay into the private pool", () => {
  let market: Market;
  let bridge: Awaited<ReturnType<typeof deployBridge>>;
  let earned: bigint;

  const deployBridge = async () => {
    const verifier = await market.viem.deployContract("BulletproofsPlusVerifier");
    const settlement = market.proofOfInference.address;
    return market.viem.deployContract("JSCBridge", [settlement, verifier.address, 10n ** 15n, 1n]);
  };
  const payTo = (note: Hex, amount: bigint) =>
    market.proofOfInference.write.withdrawCreditTo([bridge.address, note, amount], {
      account: people.worker.address,
    });

  beforeEach(async () => {
    market = await openMarket();
    bridge = await deployBridge();
    await market.settle([await market.award({ nonce: 1n })], people.requester, PAYOUT.Credit);
    earned = await market.proofOfInference.read.creditOf([people.worker.address]);
  });

  it("becomes a note of the address that the worker chose, backed unit by unit", async () => {
    const amount = (earned / UNIT) * UNIT;
    await payTo(stealthAddress(11n), amount);
    const pool = await market.viem.getContractAt("JSC", await bridge.read.pool());
    assert.equal(await pool.read.noteCount(), 17n);
    assert.equal(await bridge.read.outstanding(), amount / UNIT);
    assert.equal(await market.joyOf(bridge), amount);
    assert.equal(await market.proofOfInference.read.creditOf([people.worker.address]), earned - amount);
    const [event] = await pool.getEvents.Deposited({}, { fromBlock: 0n });
    assert.deepEqual(event!.args.amounts, [amount / UNIT]);
    assert.equal(event!.args.notes![0]!.memo, MEMO);
  });

  it("is refused when a unit does not divide it, when the note is malformed, and twice for one key", async () => {
    await assert.rejects(payTo(stealthAddress(11n), UNIT + 1n), /InvalidAmount/);
    await assert.rejects(payTo("0x", UNIT));
    await payTo(stealthAddress(11n), UNIT);
    await assert.rejects(payTo(stealthAddress(11n), UNIT), /KeyAlreadyUsed/);
    assert.equal(await bridge.read.outstanding(), 1n);
  });
});
