import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { getAddress, type Hex } from "viem";

import { freshEach } from "../support/fresh.ts";
import { JOY, type Market, MODEL_FEE, openMarket, PAYOUT, people, PRICE } from "../support/market.ts";

const EARNED = (PRICE * 99n) / 100n;
const STEALTH = "0x0badcafe";

describe("credits", () => {
  let poi: Market["proofOfInference"];
  let assertions: Market["viem"]["assertions"];
  const worker = { account: people.worker.address };

  const market = freshEach(openMarket, async () => {
    poi = market.proofOfInference;
    assertions = market.viem.assertions;
    await market.settle([await market.award()], people.requester, PAYOUT.Credit);
  });

  it("stand for what a batch did not transfer", async () => {
    assert.equal(await market.joyOf(people.worker), 0n);
    assert.equal(await poi.read.creditOf([people.worker.address]), EARNED);
    assert.equal(await poi.read.creditOf([people.modelOwner.address]), MODEL_FEE);
    assert.equal(await poi.read.creditOf([people.treasury.address]), PRICE - EARNED);
    assert.equal(await poi.read.totalCredits(), PRICE + MODEL_FEE);
  });

  it("are paid out whole to their owner", async () => {
    await assertions.emitWithArgs(poi.write.withdrawCredit(worker), poi, "CreditWithdrawn", [
      people.worker.address, people.worker.address, EARNED,
    ]);
    assert.equal(await market.joyOf(people.worker), EARNED);
    assert.equal(await poi.read.totalCredits(), PRICE + MODEL_FEE - EARNED);
    await assertions.revertWithCustomError(poi.write.withdrawCredit(worker), poi, "ZeroAmount");
  });

  it("add up over batches and stay apart from transfers", async () => {
    await market.settle([await market.award({ nonce: 1n })], people.requester, PAYOUT.Credit);
    await market.settle([await market.award({ nonce: 2n })], people.requester, PAYOUT.Direct);
    assert.equal(await poi.read.creditOf([people.worker.address]), 2n * EARNED);
    assert.equal(await market.joyOf(people.worker), EARNED);
  });

  describe("to a stealth address", () => {
    const bank = () => market.viem.deployContract("StealthBank", [market.joyToken.address]);
    const payTo = (target: Hex, amount: bigint) =>
      poi.write.withdrawCreditTo([target, STEALTH, amount], worker);

    it("go in parts through a target of the owner's choice", async () => {
      const target = await bank();
      await payTo(target.address, JOY);
      assert.equal(await target.read.balanceOf([STEALTH]), JOY);
      assert.equal(await market.joyOf(target), JOY);
      assert.equal(await poi.read.creditOf([people.worker.address]), EARNED - JOY);
      await payTo(target.address, EARNED - JOY);
      assert.equal(await poi.read.creditOf([people.worker.address]), 0n);
    });

    it("never beyond the credit, and never nothing", async () => {
      const target = await bank();
      await assertions.revertWithCustomErrorWithArgs(
        payTo(target.address, EARNED + 1n), poi, "InsufficientCredit", [EARNED + 1n, EARNED],
      );
      await assertions.revertWithCustomError(payTo(target.address, 0n), poi, "ZeroAmount");
    });

    it("leave no allowance with which a target could take other people's money later", async () => {
      const target = await bank();
      await target.write.setMostPulled([JOY - 1n]);
      await assertions.revertWithCustomErrorWithArgs(
        payTo(target.address, JOY), poi, "PayoutMismatch", [getAddress(target.address), JOY],
      );
      await assertions.revertWithCustomError(
        target.write.steal([poi.address, 1n]), market.joyToken, "ERC20InsufficientAllowance",
      );
      assert.equal(await poi.read.creditOf([people.worker.address]), EARNED);
    });
  });
});
