import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";

import { zeroAddress } from "viem";

import { DAY, ESCROW, JOY, type Market, openMarket, PAYOUT, people } from "../support/market.ts";
import { CALL_FEE, CALL_PRICE, NO_ANSWER, OPENING_FEE, type Sessions, sessionsOf } from "../support/sessions.ts";

/** Goal for a session of any length, the publication of its last answer included. */
const GAS_A_SESSION = 250_000n;
const cost = (calls: bigint) => OPENING_FEE + calls * (CALL_PRICE + CALL_FEE);
const earned = (calls: bigint) => ((OPENING_FEE + calls * CALL_PRICE) * 99n) / 100n;

describe("a session", () => {
  let market: Market;
  let sessions: Sessions;
  let poi: Market["proofOfInference"];
  let assertions: Market["viem"]["assertions"];
  let fresh: Awaited<ReturnType<Market["networkHelpers"]["takeSnapshot"]>>;

  before(async () => {
    market = await openMarket();
    sessions = sessionsOf(market);
    poi = market.proofOfInference;
    assertions = market.viem.assertions;
    fresh = await market.networkHelpers.takeSnapshot();
  });
  beforeEach(async () => fresh.restore());

  const escrow = () => poi.read.escrowOf([people.requester.address]);
  const assertPaid = async (calls: bigint) => {
    assert.equal(await market.joyOf(people.worker), calls === 0n ? 0n : earned(calls));
    assert.equal(await market.joyOf(people.modelOwner), calls * CALL_FEE);
    assert.equal(await escrow(), ESCROW - (calls === 0n ? 0n : cost(calls)));
  };

  it("is settled once for all its calls, by anyone", async () => {
    const session = await sessions.award();
    await assertions.emitWithArgs(sessions.settle(session, 30), poi, "SessionSettled", [
      market.digestOf("SessionAward", session), people.requester.address, people.worker.address, session.modelDigest,
      30, OPENING_FEE + 30n * CALL_PRICE, 30n * CALL_FEE, (OPENING_FEE + 30n * CALL_PRICE) / 100n,
    ]);
    await assertPaid(30n);
    assert.equal(await poi.read.paidCalls([market.digestOf("SessionAward", session)]), 30);
  });

  it("counts as use of its model, and not on the worker's record", async () => {
    const session = await sessions.award();
    await sessions.settle(session, 30);
    const use = await (await market.viem.getContractAt("ProofOfUse", await poi.read.proofOfUse())).read.useOf([
      session.modelDigest,
    ]);
    assert.equal(use.count, 30);
    assert.equal((await market.nodeCoordinator.read.nodeOf([people.worker.address]))[1].settled, 0n);
  });

  it("pays by credit when asked to", async () => {
    await sessions.settle(await sessions.award(), 30, { payout: PAYOUT.Credit });
    assert.equal(await poi.read.creditOf([people.worker.address]), earned(30n));
    assert.equal(await market.joyOf(people.worker), 0n);
  });

  it("pays all but the last call for a voucher that asks for it, when no answer is shown", async () => {
    await sessions.settle(await sessions.award(), 30, { ends: false });
    await assertPaid(29n);
  });

  it("pays the last call too when the settlement hands over its answer", async () => {
    const session = await sessions.award();
    const answer = await sessions.answer(session, 30);
    await assertions.emitWithArgs(
      sessions.settle(session, 30, { ends: false, published: true }), poi, "CallAnswered",
      [market.digestOf("SessionAward", session), 30, answer.output, answer.receiptSignature],
    );
    await assertPaid(30n);
  });

  it("may be settled in parts, which pay what one settlement would", async () => {
    const session = await sessions.award();
    await sessions.settle(session, 10);
    await sessions.settle(session, 25, { ends: false });
    await sessions.settle(session, 25, { ends: false, published: true });
    await sessions.settle(session, 30);
    await assertPaid(30n);
  });

  it("pays for no call twice", async () => {
    const session = await sessions.award();
    await sessions.settle(session, 30);
    for (const [calls, ends] of [[30, true], [30, false], [12, true]] as const) {
      await assertions.revertWithCustomError(sessions.settle(session, calls, { ends }), poi, "CallsAlreadyPaid");
    }
    await assertions.revertWithCustomErrorWithArgs(
      sessions.settle(session, 31, { ends: false }), poi, "CallsAlreadyPaid", [30, 30],
    );
    await assertPaid(30n);
  });

  it("pays nothing for no answer", async () => {
    const session = await sessions.award();
    await assertions.revertWithCustomErrorWithArgs(
      sessions.settle(session, 1, { ends: false }), poi, "CallsAlreadyPaid", [0, 0],
    );
    await assertPaid(0n);
  });

  it("of free calls pays its opening alone", async () => {
    await market.modelMarketplace.write.setPrice([(await sessions.award()).modelDigest, 0n], {
      account: people.modelOwner.address,
    });
    const session = await sessions.award({ price: 0n, modelFee: 0n });
    await sessions.settle(session, 100);
    assert.equal(await escrow(), ESCROW - OPENING_FEE);
  });

  describe("whose escrow is short", () => {
    const each = CALL_PRICE + CALL_FEE;

    it("is paid as far as it goes, and the rest after a deposit", async () => {
      const session = await sessions.award({ price: 9n * JOY });
      const perCall = 9n * JOY + CALL_FEE;
      const covered = (ESCROW - OPENING_FEE) / perCall;
      assert.equal(covered, 10n);
      await sessions.settle(session, 15);
      assert.equal(await poi.read.paidCalls([market.digestOf("SessionAward", session)]), 10);
      assert.equal(await escrow(), ESCROW - OPENING_FEE - covered * perCall);
      await poi.write.deposit([ESCROW], { account: people.requester.address });
      await sessions.settle(session, 15);
      assert.equal(await poi.read.paidCalls([market.digestOf("SessionAward", session)]), 15);
    });

    it("is not paid when it does not reach for one call, whatever the numbers", async () => {
      const most = 2n ** 256n - 1n;
      for (const change of [{ price: ESCROW }, { openingFee: ESCROW - each + 1n }, { price: most }, { openingFee: most }]) {
        const session = await sessions.award(change);
        await assertions.revertWithCustomError(sessions.settle(session, 2), poi, "CallNotCovered");
      }
      await sessions.settle(await sessions.award({ openingFee: ESCROW - each }), 2);
      assert.equal(await escrow(), 0n);
    });
  });

  describe("is refused", () => {
    it("after its deadline, and while that is too far ahead", async () => {
      const session = await sessions.award();
      await market.networkHelpers.time.increaseTo(session.settleDeadline);
      await assertions.revertWithCustomError(sessions.settle(session, 2), poi, "SessionExpired");
      const far = await sessions.award({ settleDeadline: (await market.now()) + DAY + 60n });
      await assertions.revertWithCustomError(sessions.settle(far, 2), poi, "SessionTooFarAhead");
    });

    it("above its calls, or those that any session may have", async () => {
      await assertions.revertWithCustomErrorWithArgs(
        sessions.settle(await sessions.award({ mostCalls: 5 }), 6), poi, "TooManyCalls", [6, 5],
      );
      const long = await sessions.award({ mostCalls: 2_000_000 });
      const hash = market.digestOf("SessionAward", long);
      const message = { sessionHash: hash, calls: 1_000_001, history: hash, inputDigest: hash };
      const signature = await people.requester.sign({ hash: market.digestOf("Voucher", message) });
      await assertions.revertWithCustomErrorWithArgs(
        poi.write.settleSession([long, message, signature, NO_ANSWER, PAYOUT.Direct]), poi, "TooManyCalls",
        [1_000_001, 1_000_000],
      );
    });

    it("for nobody, for the contract itself, and for a model that is not registered or wants more", async () => {
      for (const [change, error] of [
        [{ worker: zeroAddress }, "InvalidSessionWorker"],
        [{ worker: poi.address }, "InvalidSessionWorker"],
        [{ modelDigest: `0x${"77".repeat(32)}` }, "SessionModelUnknown"],
        [{ modelFee: CALL_FEE - 1n }, "SessionModelFeeTooLow"],
      ] as const) {
        await assertions.revertWithCustomError(sessions.settle(await sessions.award(change), 2), poi, error);
      }
    });
  });

  describe("costs gas", () => {
    for (const calls of [1, 100, 5000]) {
      it(`for ${calls} calls and a last answer of 64 bytes`, async (test) => {
        const first = await sessions.award({ nonce: 1n });
        await sessions.settle(first, 1);
        await poi.write.deposit([900n * JOY], { account: people.requester.address });
        const session = await sessions.award({ mostCalls: calls });
        const hash = await sessions.settle(session, calls, { ends: false, published: true });
        const { gasUsed } = await (await market.viem.getPublicClient()).getTransactionReceipt({ hash });
        test.diagnostic(`${gasUsed} gas, ${gasUsed / BigInt(calls)} a call`);
        assert.ok(gasUsed <= GAS_A_SESSION, `${gasUsed} gas`);
      });
    }
  });
});
