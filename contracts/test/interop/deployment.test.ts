import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { network } from "hardhat";
import { type Hex, keccak256, stringToHex } from "viem";

import { controlIds } from "../../ignition/controlIds.ts";
import P2PNode from "../../ignition/modules/P2PNode.ts";

const IMAGE_ID = keccak256(stringToHex("image"));
const same = (actual: Hex, expected: Hex) => assert.equal(actual.toLowerCase(), expected.toLowerCase());

async function deploy() {
  const connection = await network.create();
  const contracts = await connection.ignition.deploy(P2PNode, {
    parameters: { P2PNode: { imageId: IMAGE_ID }, Stark: { controlIds: controlIds() } },
  });
  const [wallet] = await connection.viem.getWalletClients();
  return { ...contracts, deployer: wallet!.account.address, viem: connection.viem };
}

describe("a deployment of the whole product", () => {
  let all: Awaited<ReturnType<typeof deploy>>;
  before(async () => {
    all = await deploy();
  });

  it("routes to the STARK verifier and to nothing else", async () => {
    const selector = await all.starkVerifier.read.SELECTOR();
    same(await all.zkVerifier.read.verifierOf([selector]), all.starkVerifier.address);
    assert.equal((await all.zkVerifier.getEvents.VerifierAdded({}, { fromBlock: 0n })).length, 1);
  });

  it("wires settlement, registers and use to each other", async () => {
    const poi = all.proofOfInference;
    same(await poi.read.token(), all.joyToken.address);
    same(await poi.read.zkVerifier(), all.zkVerifier.address);
    same(await poi.read.marketplace(), all.modelMarketplace.address);
    same(await poi.read.coordinator(), all.nodeCoordinator.address);
    same(await poi.read.proofOfUse(), all.proofOfUse.address);
    same(await poi.read.imageId(), IMAGE_ID);
    same(await poi.read.parameters(), all.parameters.address);
    same(await all.nodeCoordinator.read.settlement(), poi.address);
    same(await all.nodeCoordinator.read.token(), all.joyToken.address);
    same(await all.proofOfUse.read.settlement(), poi.address);
    const terms = await all.parameters.read.current();
    assert.deepEqual([terms.protocolFeeBps, terms.rewardBps], [100, 5_000]);
    same(terms.treasury, all.deployer);
    assert.equal(await poi.read.withdrawalDelay(), 172_800n);
    assert.equal(await all.nodeCoordinator.read.unbondingDelay(), 604_800n);
    assert.equal(await all.nodeCoordinator.read.minStake(), 10n ** 18n);
    assert.equal(await all.proofOfUse.read.epochLength(), 86_400n);
  });

  it("wires the pool of private notes to its bridge, and the bridge to the escrow", async () => {
    same(await all.jsc.read.bridge(), all.jscBridge.address);
    same(await all.jsc.read.rangeVerifier(), all.rangeVerifier.address);
    same(await all.jscBridge.read.pool(), all.jsc.address);
    same(await all.jscBridge.read.token(), all.joyToken.address);
    same(await all.jscBridge.read.escrow(), all.proofOfInference.address);
    assert.equal(await all.jscBridge.read.cap(), 10n ** 15n);
    assert.equal(await all.jsc.read.minAge(), 10n);
    assert.equal(await all.jsc.read.noteCount(), 16n);
  });

  it("leaves nobody a way to change the pool", async () => {
    const writes = [...all.jsc.abi, ...all.jscBridge.abi].flatMap((item) =>
      item.type === "function" && item.stateMutability === "nonpayable" ? [item.name] : [],
    );
    assert.deepEqual(writes.sort(), ["deposit", "depositFor", "mint", "release", "transact"]);
  });

  it("gives the whole supply to one holder and leaves no way to make more", async () => {
    const supply = await all.joyToken.read.SUPPLY();
    assert.equal(supply, 10n ** 27n);
    assert.equal(await all.joyToken.read.totalSupply(), supply);
    assert.equal(await all.joyToken.read.balanceOf([all.deployer]), supply);
    const writes = all.joyToken.abi.flatMap((item) =>
      item.type === "function" && item.stateMutability === "nonpayable" ? [item.name] : [],
    );
    const expected = ["approve", "burn", "burnFrom", "delegate", "delegateBySig", "permit", "transfer", "transferFrom"];
    assert.deepEqual(writes.sort(), expected);
  });

  it("gives the timelock what has an owner, and nobody the timelock", async () => {
    const { deployer, viem: _viem, ...contracts } = all;
    const owned = Object.entries(contracts)
      .filter(([, { abi }]) => abi.some((item) => item.type === "function" && item.name === "transferOwnership"))
      .map(([name]) => name);
    assert.deepEqual(owned.sort(), ["parameters", "zkVerifier"]);
    same(await all.parameters.read.owner(), all.timelock.address);
    same(await all.zkVerifier.read.owner(), all.timelock.address);
    same(await all.zkVerifier.read.pauser(), deployer);
    const admin = await all.timelock.read.DEFAULT_ADMIN_ROLE();
    assert.equal(await all.timelock.read.hasRole([admin, deployer]), false);
    assert.equal(await all.timelock.read.hasRole([admin, all.timelock.address]), true);
    assert.equal(await all.timelock.read.getMinDelay(), 172_800n);
  });
});
