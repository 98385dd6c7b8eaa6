import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { encodeFunctionData, type Hex, zeroAddress, zeroHash } from "viem";

import { freshEach } from "../support/fresh.ts";
import { DAY, type Market, openMarket, people, PRICE } from "../support/market.ts";

describe("parameters and the timelock that owns them", () => {
  let assertions: Market["viem"]["assertions"];
  const governor = { account: people.governor.address };
  const treasury = people.stranger.address;

  const market = freshEach(openMarket, () => {
    assertions = market.viem.assertions;
  });

  const set = (terms: { treasury: Hex; protocolFeeBps: number; rewardBps: number }) =>
    encodeFunctionData({ abi: market.parameters.abi, functionName: "set", args: [terms] });
  const schedule = (target: Hex, data: Hex, delay = 2n * DAY, by = governor) =>
    market.timelock.write.schedule([target, 0n, data, zeroHash, zeroHash, delay], by);
  const execute = (target: Hex, data: Hex) =>
    market.timelock.write.execute([target, 0n, data, zeroHash, zeroHash], { account: people.stranger.address });

  it("changes a parameter two days after it was announced, and anybody may execute it", async () => {
    const call = set({ treasury, protocolFeeBps: 500, rewardBps: 10_000 });
    await assertions.revertWithCustomError(
      schedule(market.parameters.address, call, 2n * DAY - 1n), market.timelock, "TimelockInsufficientDelay",
    );
    await schedule(market.parameters.address, call);
    await market.networkHelpers.time.increase(2n * DAY - 60n);
    await assertions.revertWithCustomError(
      execute(market.parameters.address, call), market.timelock, "TimelockUnexpectedOperationState",
    );
    await market.settle([await market.award()]);
    assert.equal(await market.joyOf(people.treasury), PRICE / 100n, "the fee known at the award");
    await market.networkHelpers.time.increase(60n);
    await assertions.emitWithArgs(
      execute(market.parameters.address, call), market.parameters, "ParametersChanged",
      [treasury, 500, 10_000],
    );
    await market.settle([await market.award({ nonce: 1n })]);
    assert.equal(await market.joyOf(people.treasury), PRICE / 100n);
    assert.equal(await market.joyOf(market.proofOfUse), PRICE / 20n);
  });

  it("caps what a parameter can be, for the timelock too", async () => {
    const [parameters, by] = [market.parameters, { account: market.timelock.address }];
    await market.networkHelpers.impersonateAccount(by.account);
    await market.networkHelpers.setBalance(by.account, 10n ** 18n);
    const terms = { treasury, protocolFeeBps: 500, rewardBps: 10_000 };
    await parameters.write.set([terms], by);
    assert.deepEqual(await parameters.read.current(), terms);
    await assertions.revertWithCustomErrorWithArgs(
      parameters.write.set([{ ...terms, protocolFeeBps: 501 }], by), parameters, "ProtocolFeeTooHigh", [501, 500],
    );
    await assertions.revertWithCustomErrorWithArgs(
      parameters.write.set([{ ...terms, rewardBps: 10_001 }], by), parameters, "RewardTooHigh", [10_001, 10_000],
    );
    await assertions.revertWithCustomErrorWithArgs(
      parameters.write.set([{ ...terms, treasury: zeroAddress }], by), parameters, "InvalidTreasury", [zeroAddress],
    );
  });

  it("obeys nobody but the timelock, which obeys nobody but the governor", async () => {
    const terms = { treasury, protocolFeeBps: 0, rewardBps: 0 };
    for (const who of [people.governor, people.pauser, people.stranger]) {
      await assertions.revertWithCustomError(
        market.parameters.write.set([terms], { account: who.address }), market.parameters,
        "OwnableUnauthorizedAccount",
      );
    }
    await assertions.revertWithCustomError(
      schedule(market.parameters.address, set(terms), 2n * DAY, { account: people.pauser.address }), market.timelock,
      "AccessControlUnauthorizedAccount",
    );
  });

  it("restarts a stopped verifier only after the delay", async () => {
    const { zkVerifier } = market;
    const selector = await market.verifier.read.SELECTOR();
    const call = encodeFunctionData({ abi: zkVerifier.abi, functionName: "unpause", args: [selector] });
    await zkVerifier.write.pause([selector], { account: people.pauser.address });
    await schedule(zkVerifier.address, call);
    await market.networkHelpers.time.increase(2n * DAY);
    await execute(zkVerifier.address, call);
    assert.equal(await zkVerifier.read.isPaused([selector]), false);
  });

  it("cannot shorten its own delay below the floor", async () => {
    const { timelock } = market;
    const call = encodeFunctionData({ abi: timelock.abi, functionName: "updateDelay", args: [1n] });
    await schedule(timelock.address, call);
    await market.networkHelpers.time.increase(2n * DAY);
    await execute(timelock.address, call);
    assert.equal(await timelock.read.getMinDelay(), 2n * DAY);
    const longer = encodeFunctionData({ abi: timelock.abi, functionName: "updateDelay", args: [9n * DAY] });
    await schedule(timelock.address, longer);
    await market.networkHelpers.time.increase(2n * DAY);
    await execute(timelock.address, longer);
    assert.equal(await timelock.read.getMinDelay(), 9n * DAY);
  });

  it("leaves withdrawals open while proofs are stopped", async () => {
    await market.zkVerifier.write.pause([await market.verifier.read.SELECTOR()], { account: people.pauser.address });
    const by = { account: people.requester.address };
    await market.proofOfInference.write.requestWithdrawal([1n], by);
    await market.networkHelpers.time.increase(2n * DAY);
    await market.proofOfInference.write.withdraw(by);
    await market.proofOfInference.write.deposit([1n], by);
  });

  it("hands ownership over in two steps, or gives it up for ever", async () => {
    const { parameters, zkVerifier, timelock, networkHelpers } = market;
    const [by, next] = [{ account: timelock.address }, { account: people.stranger.address }];
    await networkHelpers.impersonateAccount(by.account);
    await networkHelpers.setBalance(by.account, 10n ** 18n);
    await parameters.write.transferOwnership([next.account], by);
    assert.equal((await parameters.read.owner()).toLowerCase(), by.account.toLowerCase());
    await parameters.write.acceptOwnership(next);
    assert.equal(await parameters.read.owner(), next.account);
    await parameters.write.renounceOwnership(next);
    const terms = { treasury, protocolFeeBps: 0, rewardBps: 0 };
    await assertions.revertWithCustomError(parameters.write.set([terms], next), parameters, "OwnableUnauthorizedAccount");
    await zkVerifier.write.renounceOwnership(by);
    assert.equal(await zkVerifier.read.owner(), zeroAddress);
    const selector = await market.verifier.read.SELECTOR();
    await zkVerifier.write.pause([selector], { account: people.pauser.address });
    await assertions.revertWithCustomError(
      zkVerifier.write.unpause([selector], by), zkVerifier, "OwnableUnauthorizedAccount",
    );
  });
});
