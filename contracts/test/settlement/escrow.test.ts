import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { getAddress, type Hex, parseSignature } from "viem";

import { freshEach } from "../support/fresh.ts";
import { DAY, ESCROW, JOY, type Market, MODEL_FEE, openMarket, people, PRICE } from "../support/market.ts";

const requester = people.requester.address;
const DELAY = 2n * DAY;

describe("escrow", () => {
  let poi: Market["proofOfInference"];
  let assertions: Market["viem"]["assertions"];
  const by = { account: requester };

  const market = freshEach(openMarket, () => {
    poi = market.proofOfInference;
    assertions = market.viem.assertions;
  });

  it("adds deposits up", async () => {
    await assertions.emitWithArgs(poi.write.deposit([JOY], by), poi, "Deposited", [requester, JOY, ESCROW + JOY]);
    assert.equal(await poi.read.escrowOf([requester]), ESCROW + JOY);
    assert.equal(await market.joyOf(poi), ESCROW + JOY);
  });

  it("refuses a deposit of nothing, without allowance, and beyond the balance", async () => {
    await assertions.revertWithCustomError(poi.write.deposit([0n], by), poi, "ZeroAmount");
    const stranger = { account: people.stranger.address };
    await assertions.revertWithCustomError(
      poi.write.deposit([1n], stranger), market.joyToken, "ERC20InsufficientAllowance",
    );
    await market.joyToken.write.approve([poi.address, 10n], stranger);
    await assertions.revertWithCustomError(
      poi.write.deposit([1n], stranger), market.joyToken, "ERC20InsufficientBalance",
    );
    await assertions.revertWithCustomError(
      poi.write.deposit([2n ** 96n], by), poi, "SafeCastOverflowedUintDowncast",
    );
  });

  async function permit(value: bigint, deadline: bigint) {
    const signature: Hex = await people.requester.signTypedData({
      domain: { name: "JOY", version: "1", chainId: 31337, verifyingContract: market.joyToken.address },
      types: {
        Permit: [
          { name: "owner", type: "address" },
          { name: "spender", type: "address" },
          { name: "value", type: "uint256" },
          { name: "nonce", type: "uint256" },
          { name: "deadline", type: "uint256" },
        ],
      },
      primaryType: "Permit",
      message: { owner: requester, spender: poi.address, value, nonce: 0n, deadline },
    });
    const { r, s, yParity } = parseSignature(signature);
    return [value, deadline, yParity + 27, r, s] as const;
  }

  it("takes a deposit by permit, in one transaction", async () => {
    await market.joyToken.write.approve([poi.address, 0n], by);
    await poi.write.depositWithPermit(await permit(3n * JOY, (await market.now()) + 600n), by);
    assert.equal(await poi.read.escrowOf([requester]), ESCROW + 3n * JOY);
  });

  it("takes a deposit whose permit somebody else has already submitted", async () => {
    await market.joyToken.write.approve([poi.address, 0n], by);
    const [value, deadline, v, r, s] = await permit(3n * JOY, (await market.now()) + 600n);
    await market.joyToken.write.permit([requester, poi.address, value, deadline, v, r, s], {
      account: people.stranger.address,
    });
    await poi.write.depositWithPermit([value, deadline, v, r, s], by);
    assert.equal(await poi.read.escrowOf([requester]), ESCROW + 3n * JOY);
  });

  it("refuses a permit that has expired, and one of another account", async () => {
    await market.joyToken.write.approve([poi.address, 0n], by);
    const late = await permit(JOY, (await market.now()) - 1n);
    await assertions.revertWithCustomError(
      poi.write.depositWithPermit(late, by), market.joyToken, "ERC20InsufficientAllowance",
    );
    const good = await permit(JOY, (await market.now()) + 600n);
    await assertions.revertWithCustomError(
      poi.write.depositWithPermit(good, { account: people.stranger.address }),
      market.joyToken, "ERC20InsufficientAllowance",
    );
  });

  it("pays a withdrawal out after the delay, and not a second earlier", async () => {
    await poi.write.requestWithdrawal([30n * JOY], by);
    const due = (await market.now()) + DELAY;
    assert.deepEqual(await poi.read.withdrawalOf([requester]), [30n * JOY, due]);
    assert.equal(await poi.read.freeEscrow([requester]), 70n * JOY);
    await market.networkHelpers.time.setNextBlockTimestamp(due - 1n);
    await assertions.revertWithCustomErrorWithArgs(poi.write.withdraw(by), poi, "WithdrawalNotDue", [due]);
    await market.networkHelpers.time.setNextBlockTimestamp(due);
    const before = await market.joyOf(people.requester);
    await assertions.emitWithArgs(poi.write.withdraw(by), poi, "Withdrawn", [requester, 30n * JOY, 70n * JOY]);
    assert.equal(await market.joyOf(people.requester), before + 30n * JOY);
    assert.deepEqual(await poi.read.withdrawalOf([requester]), [0n, 0n]);
    await assertions.revertWithCustomError(poi.write.withdraw(by), poi, "NoWithdrawalRequested");
  });

  it("starts the delay anew when a request is replaced", async () => {
    await poi.write.requestWithdrawal([JOY], by);
    await market.networkHelpers.time.increase(DELAY - 60n);
    await poi.write.requestWithdrawal([50n * JOY], by);
    await market.networkHelpers.time.increase(120n);
    await assertions.revertWithCustomError(poi.write.withdraw(by), poi, "WithdrawalNotDue");
  });

  it("lets a request be taken back", async () => {
    await poi.write.requestWithdrawal([JOY], by);
    await assertions.emitWithArgs(poi.write.cancelWithdrawal(by), poi, "WithdrawalCancelled", [requester]);
    assert.equal(await poi.read.freeEscrow([requester]), ESCROW);
    await market.networkHelpers.time.increase(DELAY);
    await assertions.revertWithCustomError(poi.write.withdraw(by), poi, "NoWithdrawalRequested");
    await assertions.revertWithCustomError(poi.write.cancelWithdrawal(by), poi, "NoWithdrawalRequested");
  });

  it("refuses a request for nothing or for more than there is", async () => {
    await assertions.revertWithCustomError(poi.write.requestWithdrawal([0n], by), poi, "ZeroAmount");
    await assertions.revertWithCustomErrorWithArgs(
      poi.write.requestWithdrawal([ESCROW + 1n], by), poi, "InsufficientBalance", [ESCROW + 1n, ESCROW],
    );
  });

  it("keeps a requested amount spendable by awards, and pays out only what they leave", async () => {
    await poi.write.requestWithdrawal([ESCROW], by);
    assert.equal(await poi.read.freeEscrow([requester]), 0n);
    const { settled } = await market.settle([await market.award()]);
    assert.equal(settled.length, 1);
    assert.equal(await poi.read.freeEscrow([requester]), 0n);
    await market.networkHelpers.time.increase(DELAY);
    const left = ESCROW - PRICE - MODEL_FEE;
    await assertions.emitWithArgs(poi.write.withdraw(by), poi, "Withdrawn", [requester, left, 0n]);
    assert.equal(await market.joyOf(poi), 0n);
  });

  it("covers every award that a worker may take: a due withdrawal lies beyond the longest settle window", async () => {
    const longest = await market.award({ settleDeadline: (await market.now()) + DAY - 60n });
    await poi.write.requestWithdrawal([ESCROW], by);
    const { args } = await market.prove([longest]);
    await market.networkHelpers.time.setNextBlockTimestamp(longest.settleDeadline);
    await assertions.emit(poi.write.settleBatch(args), poi, "AwardSettled");
  });

  it("takes JOY from one account into the escrow of another", async () => {
    const { address } = people.stranger;
    await market.joyToken.write.transfer([address, 5n]);
    await market.joyToken.write.approve([poi.address, 5n], { account: address });
    await assertions.emitWithArgs(
      poi.write.depositFor([people.requester.address, 5n], { account: address }), poi, "Deposited",
      [people.requester.address, 5n, ESCROW + 5n],
    );
    await assertions.revertWithCustomErrorWithArgs(
      poi.write.requestWithdrawal([5n], { account: address }), poi, "InsufficientBalance", [5n, 0n],
    );
  });

  describe("cannot be built", () => {
    const build = async (change: { withdrawalDelay?: bigint; epochLength?: bigint; coordinator?: Hex }) => {
      const coordinator = await market.viem.deployContract("NodeCoordinator", [
        market.joyToken.address, 0n, 5n * DAY + 1n,
      ]);
      return market.viem.deployContract("ProofOfInference", [
        {
          token: market.joyToken.address,
          zkVerifier: market.zkVerifier.address,
          imageId: `0x${"11".repeat(32)}` as Hex,
          marketplace: market.modelMarketplace.address,
          parameters: market.parameters.address,
          withdrawalDelay: DAY + 1n,
          epochLength: 1n,
          coordinator: coordinator.address,
          ...change,
        },
      ]);
    };

    it("with a withdrawal delay within the settle window, or without epochs", async () => {
      await build({});
      await assertions.revertWithCustomError(build({ withdrawalDelay: DAY }), poi, "WithdrawalDelayTooShort");
      await assertions.revertWithCustomError(build({ epochLength: 0n }), market.proofOfUse, "ZeroEpochLength");
    });

    it("on a register of workers that is bound already, or for another token", async () => {
      const { nodeCoordinator: nodes } = market;
      await assertions.revertWithCustomErrorWithArgs(
        build({ coordinator: nodes.address }), nodes, "AlreadyBound", [getAddress(poi.address)],
      );
      const other = await market.viem.deployContract("JoyToken", [people.stranger.address]);
      const foreign = await market.viem.deployContract("NodeCoordinator", [other.address, 0n, 6n * DAY]);
      await assertions.revertWithCustomErrorWithArgs(
        build({ coordinator: foreign.address }), poi, "TokenMismatch",
        [getAddress(market.joyToken.address), getAddress(other.address)],
      );
    });

    it("with an unbonding that is over before the evidence", async () => {
      const build = market.viem.deployContract("NodeCoordinator", [market.joyToken.address, 0n, 5n * DAY]);
      await assertions.revertWithCustomErrorWithArgs(
        build, market.nodeCoordinator, "UnbondingDelayTooShort", [5n * DAY, 5n * DAY + 1n],
      );
    });
  });
});
