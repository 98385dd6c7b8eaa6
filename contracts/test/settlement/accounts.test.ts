import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { encodeFunctionData, getAddress, type Hex } from "viem";

import type { Award } from "../../scripts/typed-data.ts";
import { freshEach } from "../support/fresh.ts";
import { JOY, type Market, openMarket, PAYOUT, people } from "../support/market.ts";

/** SmartAccount.Mood. */
const MOOD = { Good: 0, Reverts: 1, BurnsGas: 2, ReturnBomb: 3 } as const;
const CALLBACK_GAS = 50_000;
const owner = people.secondWorker;

describe("smart accounts", () => {
  let poi: Market["proofOfInference"];
  let assertions: Market["viem"]["assertions"];
  let account: Awaited<ReturnType<typeof deployAccount>>;
  const deployAccount = () => market.viem.deployContract("SmartAccount", [owner.address]);

  const market = freshEach(openMarket, async () => {
    poi = market.proofOfInference;
    assertions = market.viem.assertions;
    account = await deployAccount();
    await market.joyToken.write.approve([poi.address, 50n * JOY]);
    await poi.write.depositFor([account.address, 50n * JOY]);
  });

  const execute = (data: Hex, target: Hex = poi.address) =>
    account.write.execute([target, data], { account: owner.address });
  const setCallbackGas = (gas: number) =>
    execute(encodeFunctionData({ abi: poi.abi, functionName: "setCallbackGas", args: [gas] }));
  const theirs = (nonce: bigint, change: Partial<Award> = {}) =>
    market.award({ requester: account.address, nonce, ...change });
  /** A batch of the account's awards between two of the plain requester. */
  const settleBetween = async (count: bigint, gas?: bigint) => {
    const awards = [await market.award({ nonce: 100n })];
    for (let nonce = 0n; nonce < count; ++nonce) awards.push(await theirs(nonce));
    awards.push(await market.award({ nonce: 101n }));
    const { args, taskIds } = await market.prove(awards);
    const [, , outputs, seal] = args;
    const signatures = await Promise.all(
      taskIds.map((hash, i) => (awards[i]!.requester === account.address ? owner : people.requester).sign({ hash })),
    );
    return market.settledBy(
      await poi.write.settleBatch([awards, signatures, outputs, seal, PAYOUT.Direct], gas ? { gas } : {}),
    );
  };

  describe("as requesters (ERC-1271)", () => {
    it("pay awards that their owner signed", async () => {
      const { settled } = await settleBetween(2n);
      assert.equal(settled.length, 4);
      const [fee, price] = [settled[1]!.modelFee!, settled[1]!.price!];
      assert.equal(await poi.read.escrowOf([account.address]), 50n * JOY - 2n * (fee + price));
    });

    it("do not pay what another signed", async () => {
      const { skipped } = await market.settle([await theirs(0n)], people.requester);
      assert.deepEqual(skipped.map(({ reason }) => reason), ["BadSignature"]);
    });

    for (const mood of ["Reverts", "BurnsGas", "ReturnBomb"] as const) {
      it(`cannot sink a batch by a signature check that ${mood}`, async () => {
        await account.write.setMoods([MOOD[mood], MOOD.Good]);
        const { settled, skipped, receipt } = await settleBetween(4n);
        assert.equal(settled.length, 2, "the plain requester's");
        assert.deepEqual(skipped.map(({ reason }) => reason), Array(4).fill("BadSignature"));
        assert.ok(receipt.gasUsed < 1_200_000n, `${receipt.gasUsed} gas`);
      });
    }

    it("cannot sink a batch by a signature too long to be handed on", async () => {
      const { args } = await market.prove([
        await market.award({ requester: account.address }), await market.award({ nonce: 1n }),
      ]);
      const [awards, [, signature], ...rest] = args;
      const long: Hex = `0x${"00".repeat(250_000)}`;
      const hash = await poi.write.settleBatch([awards, [long, signature!], ...rest]);
      const { settled, skipped } = await market.settledBy(hash);
      assert.deepEqual([settled.length, skipped.map(({ reason }) => reason)], [1, ["BadSignature"]]);
    });

    it("answer the view as the settlement sees them", async () => {
      const hash: Hex = `0x${"07".repeat(32)}`;
      const signature = await owner.sign({ hash });
      assert.equal(await poi.read.isSignedBy([account.address, hash, signature]), true);
      assert.equal(await poi.read.isSignedBy([owner.address, hash, signature]), true);
      assert.equal(await poi.read.isSignedBy([people.worker.address, hash, signature]), false);
      await account.write.setMoods([MOOD.Reverts, MOOD.Good]);
      assert.equal(await poi.read.isSignedBy([account.address, hash, signature]), false);
    });

    it("keep their key when they delegate to code (EIP-7702)", async () => {
      const { address } = people.requester;
      const testClient = await market.viem.getTestClient();
      await testClient.setCode({ address, bytecode: `0xef0100${account.address.slice(2)}` });
      assert.equal((await market.settle([await market.award()])).settled.length, 1);
    });
  });

  it("as workers are paid, and can be held to their results", async () => {
    const award = await market.award({ worker: account.address });
    await market.settle([award]);
    assert.equal(await market.joyOf(account), (award.price * 99n) / 100n);
    const message = { taskId: market.digestOf("Award", award), outputDigest: `0x${"01".repeat(32)}` as Hex };
    const other = { ...message, outputDigest: `0x${"02".repeat(32)}` as Hex };
    const sign = (result: object) => owner.sign({ hash: market.digestOf("Result", result) });
    const awardSignature = await people.requester.sign({ hash: message.taskId });
    await assertions.emit(
      market.nodeCoordinator.write.reportTwoResults([
        award, awardSignature, message, await sign(message), other, await sign(other),
      ]),
      market.nodeCoordinator, "Slashed",
    );
  });

  describe("that want to be told of their answers", () => {
    it("are called after each, with the gas they asked for", async () => {
      await assertions.emitWithArgs(setCallbackGas(CALLBACK_GAS), poi, "CallbackGasChanged", [
        getAddress(account.address), CALLBACK_GAS,
      ]);
      const { settled } = await settleBetween(2n);
      assert.equal(settled.length, 4);
      assert.equal(await account.read.told(), 2n);
      assert.equal(await account.read.lastOutput(), settled[2]!.outputDigest);
      const given = await account.read.gasGiven();
      assert.ok(given > 49_000n && given <= 50_000n, `${given}`);
    });

    it("are not called unless they asked, and no longer when they ask for nothing", async () => {
      await settleBetween(1n);
      assert.equal(await account.read.told(), 0n);
      await market.restore();
      await setCallbackGas(CALLBACK_GAS);
      assert.equal(await poi.read.callbackGasOf([account.address]), CALLBACK_GAS);
      await setCallbackGas(0);
      await settleBetween(1n);
      assert.equal(await account.read.told(), 0n);
    });

    it("cannot ask for more than the cap", async () => {
      await assertions.revertWithCustomErrorWithArgs(
        poi.write.setCallbackGas([50_001]), poi, "CallbackGasTooHigh", [50_001, 50_000],
      );
    });

    for (const mood of ["Reverts", "BurnsGas", "ReturnBomb"] as const) {
      it(`cannot sink a batch by a callback that ${mood}`, async () => {
        await setCallbackGas(CALLBACK_GAS);
        await account.write.setMoods([MOOD.Good, MOOD[mood]]);
        const { settled, skipped, receipt } = await settleBetween(4n);
        assert.equal(settled.length, 6);
        assert.deepEqual(skipped, []);
        assert.equal(await account.read.told(), 0n);
        const at = { fromBlock: receipt.blockNumber, toBlock: receipt.blockNumber };
        assert.equal((await poi.getEvents.CallbackFailed({}, at)).length, 4);
        assert.ok(receipt.gasUsed < 1_000_000n, `${receipt.gasUsed} gas`);
      });
    }

    it("get all the gas they asked for, or the submitter's transaction reverts", async () => {
      await setCallbackGas(CALLBACK_GAS);
      const ample = (await settleBetween(1n)).receipt.gasUsed;
      await market.restore();
      await setCallbackGas(CALLBACK_GAS);
      await assert.rejects(settleBetween(1n, ample), /CallbackGasTooLow/);
      assert.equal((await settleBetween(1n, ample + 60_000n)).settled.length, 3);
      assert.equal(await account.read.told(), 1n);
    });

    it("cannot enter the settlement again", async () => {
      await setCallbackGas(CALLBACK_GAS);
      const again = encodeFunctionData({ abi: poi.abi, functionName: "deposit", args: [1n] });
      await account.write.setReentry([poi.address, again]);
      const { settled } = await settleBetween(1n);
      assert.equal(settled.length, 3);
      assert.equal(await account.read.told(), 0n);
    });
  });
});
