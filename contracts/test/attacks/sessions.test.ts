import assert from "node:assert/strict";
import { before, beforeEach, describe, it } from "node:test";

import { keccak256, sha256, stringToHex } from "viem";

import { type Disputes, openDisputes, PENALTY, STAKE } from "../support/disputes.ts";
import { leaf } from "../support/merkle.ts";
import { DAY, ESCROW, PAYOUT, people } from "../support/market.ts";
import { CALL_FEE, CALL_PRICE, NO_ANSWER, OPENING_FEE, type Sessions, sessionsOf, type TestCall } from "../support/sessions.ts";

describe("in a session", () => {
  let market: Disputes;
  let sessions: Sessions;
  let poi: Disputes["proofOfInference"];
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];
  let fresh: Awaited<ReturnType<Disputes["networkHelpers"]["takeSnapshot"]>>;

  before(async () => {
    market = await openDisputes();
    sessions = sessionsOf(market);
    poi = market.proofOfInference;
    nodes = market.nodeCoordinator;
    assertions = market.viem.assertions;
    fresh = await market.networkHelpers.takeSnapshot();
  });
  beforeEach(async () => fresh.restore());

  const unchanged = async () => assert.equal(await market.escrowOf(people.requester), ESCROW);

  describe("a worker", () => {
    it("cannot sign vouchers itself", async () => {
      const session = await sessions.award();
      for (const forger of [people.worker, people.stranger]) {
        const { message, signature } = await sessions.voucher(session, 9, true, forger);
        await assertions.revertWithCustomErrorWithArgs(
          poi.write.settleSession([session, message, signature, NO_ANSWER, PAYOUT.Direct]), poi, "BadSignature",
          [people.requester.address],
        );
      }
      await unchanged();
    });

    it("cannot raise the count, the price or the opening fee of a signed voucher", async () => {
      const session = await sessions.award();
      const { message, signature } = await sessions.voucher(session, 9, true);
      for (const [changed, terms, error] of [
        [{ ...message, calls: 10 }, session, "BadSignature"],
        [message, { ...session, price: 2n * CALL_PRICE }, "VoucherMismatch"],
        [message, { ...session, openingFee: 2n * OPENING_FEE }, "VoucherMismatch"],
        [message, { ...session, worker: people.stranger.address }, "VoucherMismatch"],
      ] as const) {
        await assertions.revertWithCustomError(
          poi.write.settleSession([terms, changed, signature, NO_ANSWER, PAYOUT.Direct]), poi, error,
        );
      }
      await unchanged();
    });

    it("cannot use a voucher of another session", async () => {
      const [one, other] = [await sessions.award(), await sessions.award({ nonce: 1n })];
      const { message, signature } = await sessions.voucher(one, 9, true);
      await assertions.revertWithCustomError(
        poi.write.settleSession([other, message, signature, NO_ANSWER, PAYOUT.Direct]), poi, "VoucherMismatch",
      );
    });

    it("that keeps the last answer to itself is not paid for it", async () => {
      const session = await sessions.award();
      await sessions.settle(session, 9, { ends: false, by: people.worker });
      assert.equal(await poi.read.paidCalls([market.digestOf("SessionAward", session)]), 8);
    });

    it("cannot have an answer paid that another account signed", async () => {
      const session = await sessions.award();
      const { message, signature } = await sessions.voucher(session, 9, false);
      for (const forger of [people.stranger, people.requester]) {
        const answer = await sessions.answer(session, 9, forger);
        await assertions.revertWithCustomErrorWithArgs(
          poi.write.settleSession([session, message, signature, answer, PAYOUT.Direct]), poi, "BadSignature",
          [people.worker.address],
        );
      }
      await unchanged();
    });

    it("cannot publish another answer than it signed", async () => {
      const session = await sessions.award();
      const { message, signature } = await sessions.voucher(session, 9, false);
      const answer = { ...(await sessions.answer(session, 9)), output: stringToHex("something else") };
      await assertions.revertWithCustomError(
        poi.write.settleSession([session, message, signature, answer, PAYOUT.Direct]), poi, "BadSignature",
      );
    });
  });

  describe("a requester", () => {
    it("that withholds its last voucher pays for the last answer all the same", async () => {
      const session = await sessions.award();
      await sessions.settle(session, 9, { ends: false, published: true, by: people.worker });
      const spent = ESCROW - (await market.escrowOf(people.requester));
      assert.equal(spent, OPENING_FEE + 9n * (CALL_PRICE + CALL_FEE));
    });

    it("gains nothing by settling with an old voucher first", async () => {
      const session = await sessions.award();
      await sessions.settle(session, 3, { by: people.requester });
      await sessions.settle(session, 9, { by: people.worker });
      const spent = ESCROW - (await market.escrowOf(people.requester));
      assert.equal(spent, OPENING_FEE + 9n * (CALL_PRICE + CALL_FEE));
    });

    it("cannot take its escrow away before the deadline", async () => {
      const session = await sessions.award({ settleDeadline: (await market.now()) + DAY - 60n });
      await poi.write.requestWithdrawal([ESCROW], market.from(people.requester));
      await market.networkHelpers.time.increaseTo(session.settleDeadline - 1n);
      await assertions.revertWithCustomError(poi.write.withdraw(market.from(people.requester)), poi, "WithdrawalNotDue");
      await sessions.settle(session, 9);
      assert.equal(await poi.read.paidCalls([market.digestOf("SessionAward", session)]), 9);
    });

    it("cannot be made to pay through a settlement that hides the answer", async () => {
      const session = await sessions.award();
      await sessions.settle(session, 9, { ends: false, by: people.stranger });
      await sessions.settle(session, 9, { ends: false, published: true, by: people.worker });
      assert.equal(await poi.read.paidCalls([market.digestOf("SessionAward", session)]), 9);
    });
  });

  describe("a false answer", () => {
    const truth = keccak256(stringToHex("the truth"));
    const accuse = async (
      session: Awaited<ReturnType<Sessions["award"]>>, call: TestCall, { proved = truth, signer = people.worker } = {},
    ) => {
      const leafId = keccak256(stringToHex("any task"));
      const inLeaf = { modelDigest: session.modelDigest, inputDigest: call.inputDigest };
      const [slice] = await market.proveLeaves([leaf(leafId, inLeaf as never, proved), keccak256("0x01")]);
      const signature = await sessions.receiptSignature(session, call, signer);
      const { number, history, inputDigest, outputDigest } = call;
      return nodes.write.reportContradictedCall(
        [session, { number, history, inputDigest, outputDigest }, signature, leafId, proved, slice!],
        market.from(people.stranger),
      );
    };

    it("costs the worker its stake, whichever call it was and whoever shows it", async () => {
      const session = await sessions.award();
      const { made } = sessions.calls(session, 9);
      const [supply, before] = [await market.joyToken.read.totalSupply(), await market.joyOf(people.requester)];
      await accuse(session, made[4]!);
      assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
      assert.equal((await market.joyOf(people.requester)) - before, PENALTY / 2n);
      assert.equal(await market.joyToken.read.totalSupply(), supply - PENALTY / 2n);
    });

    it("costs it once a session", async () => {
      const session = await sessions.award();
      const { made } = sessions.calls(session, 9);
      await accuse(session, made[4]!);
      await assertions.revertWithCustomError(accuse(session, made[5]!), nodes, "AlreadyPunished");
    });

    it("must be false", async () => {
      const session = await sessions.award();
      const call = sessions.calls(session, 9).made[4]!;
      await assertions.revertWithCustomError(
        accuse(session, call, { proved: call.outputDigest }), nodes, "NoContradiction",
      );
    });

    it("must be the worker's: another input, count or signer is not", async () => {
      const session = await sessions.award();
      const { made } = sessions.calls(session, 9);
      await assertions.revertWithCustomErrorWithArgs(
        accuse(session, made[4]!, { signer: people.stranger }), nodes, "InvalidSignature", [people.worker.address],
      );
      const leafId = keccak256(stringToHex("any task"));
      const signature = await sessions.receiptSignature(session, made[4]!);
      for (const change of [{ number: 6 }, { inputDigest: sha256("0x02") }, { outputDigest: sha256("0x03") }]) {
        const { number, history, inputDigest, outputDigest } = { ...made[4]!, ...change };
        const inLeaf = { modelDigest: session.modelDigest, inputDigest };
        const [slice] = await market.proveLeaves([leaf(leafId, inLeaf as never, truth), keccak256("0x01")]);
        await assertions.revertWithCustomError(
          nodes.write.reportContradictedCall(
            [session, { number, history, inputDigest, outputDigest }, signature, leafId, truth, slice!],
          ),
          nodes, "InvalidSignature",
        );
      }
    });

    it("must be proved", async () => {
      const session = await sessions.award();
      const call = sessions.calls(session, 9).made[4]!;
      const signature = await sessions.receiptSignature(session, call);
      const { number, history, inputDigest, outputDigest } = call;
      await assertions.revertWithCustomError(
        nodes.write.reportContradictedCall(
          [session, { number, history, inputDigest, outputDigest }, signature, truth, truth, { count: 1, first: 0, path: [] }],
        ),
        nodes, "LeafNotProven",
      );
    });

    it("is stale three days after the deadline", async () => {
      const session = await sessions.award();
      const { made } = sessions.calls(session, 9);
      await market.networkHelpers.time.increaseTo(session.settleDeadline + 3n * DAY + 1n);
      await assertions.revertWithCustomError(accuse(session, made[4]!), nodes, "EvidenceTooLate");
    });
  });
});
