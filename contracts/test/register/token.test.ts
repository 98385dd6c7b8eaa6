import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { network } from "hardhat";
import { zeroAddress } from "viem";

import { freshEach } from "../support/fresh.ts";
import { JOY, people } from "../support/market.ts";

const SUPPLY = 1_000_000_000n * JOY;

async function deploy() {
  const { viem, networkHelpers } = await network.create();
  const token = await viem.deployContract("JoyToken", [people.requester.address]);
  return { viem, networkHelpers, token };
}

describe("JoyToken", () => {
  const holder = people.requester;
  const by = { account: holder.address };

  const chain = freshEach(deploy);

  const signPermit = async (spender: `0x${string}`, value: bigint, nonce: bigint) => {
    const deadline = 2n ** 64n;
    const signature = await holder.signTypedData({
      domain: { name: "JOY", version: "1", chainId: 31337, verifyingContract: chain.token.address },
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
      message: { owner: holder.address, spender, value, nonce, deadline },
    });
    const [r, s] = [`0x${signature.slice(2, 66)}`, `0x${signature.slice(66, 130)}`] as const;
    return [holder.address, spender, value, deadline, Number(`0x${signature.slice(130)}`), r, s] as const;
  };

  it("is named JOY, with 18 decimals and the whole supply at its first holder", async () => {
    const { token } = chain;
    assert.deepEqual(
      [await token.read.name(), await token.read.symbol(), await token.read.decimals()], ["JOY", "JOY", 18],
    );
    assert.equal(await token.read.totalSupply(), SUPPLY);
    assert.equal(await token.read.balanceOf([holder.address]), SUPPLY);
  });

  it("takes a permit once", async () => {
    const { token, viem } = chain;
    const permit = await signPermit(people.worker.address, 5n, 0n);
    await token.write.permit(permit, { account: people.stranger.address });
    assert.equal(await token.read.allowance([holder.address, people.worker.address]), 5n);
    assert.equal(await token.read.nonces([holder.address]), 1n);
    await viem.assertions.revertWithCustomError(token.write.permit(permit), token, "ERC2612InvalidSigner");
  });

  it("dates votes by timestamp", async () => {
    const { token, networkHelpers } = chain;
    assert.equal(await token.read.CLOCK_MODE(), "mode=timestamp");
    assert.equal(await token.read.clock(), await networkHelpers.time.latest());
  });

  it("gives votes to whom a holder names, from then on, and moves them with the balance", async () => {
    const { token, networkHelpers } = chain;
    assert.equal(await token.read.getVotes([holder.address]), 0n);
    await token.write.delegate([people.worker.address], by);
    const delegated = BigInt(await token.read.clock());
    await networkHelpers.time.increase(100);
    await token.write.transfer([people.stranger.address, 3n * JOY], by);
    assert.equal(await token.read.getVotes([people.worker.address]), SUPPLY - 3n * JOY);
    assert.equal(await token.read.getPastVotes([people.worker.address, delegated]), SUPPLY);
    assert.equal(await token.read.getPastVotes([people.worker.address, delegated - 1n]), 0n);
    assert.equal(await token.read.getVotes([people.stranger.address]), 0n, "votes need a delegation");
  });

  it("lets a holder burn its own and nobody burn another's, and the supply only falls", async () => {
    const { token, viem, networkHelpers } = chain;
    const before_ = BigInt(await token.read.clock());
    await networkHelpers.time.increase(1);
    await viem.assertions.emitWithArgs(
      token.write.burn([JOY], by), token, "Transfer", [holder.address, zeroAddress, JOY],
    );
    assert.equal(await token.read.totalSupply(), SUPPLY - JOY);
    assert.equal(await token.read.getPastTotalSupply([before_]), SUPPLY);
    await viem.assertions.revertWithCustomErrorWithArgs(
      token.write.burnFrom([holder.address, 1n], { account: people.stranger.address }),
      token, "ERC20InsufficientAllowance", [people.stranger.address, 0n, 1n],
    );
    await viem.assertions.revertWithCustomError(
      token.write.burn([1n], { account: people.stranger.address }), token, "ERC20InsufficientBalance",
    );
  });

  it("lets an account spend and burn what it is allowed, and no more", async () => {
    const { token, viem } = chain;
    const spender = { account: people.worker.address };
    await token.write.approve([people.worker.address, 10n], by);
    await token.write.transferFrom([holder.address, people.stranger.address, 4n], spender);
    await token.write.burnFrom([holder.address, 5n], spender);
    assert.equal(await token.read.totalSupply(), SUPPLY - 5n);
    assert.equal(await token.read.balanceOf([people.stranger.address]), 4n);
    await viem.assertions.revertWithCustomErrorWithArgs(
      token.write.transferFrom([holder.address, people.stranger.address, 2n], spender), token,
      "ERC20InsufficientAllowance", [people.worker.address, 1n, 2n],
    );
  });

  it("takes a delegation by signature, with the nonce of permits", async () => {
    const { token, viem } = chain;
    const message = { delegatee: people.worker.address, nonce: 0n, expiry: 2n ** 40n };
    const signature = await holder.signTypedData({
      domain: { name: "JOY", version: "1", chainId: 31337, verifyingContract: token.address },
      types: {
        Delegation: [
          { name: "delegatee", type: "address" },
          { name: "nonce", type: "uint256" },
          { name: "expiry", type: "uint256" },
        ],
      },
      primaryType: "Delegation",
      message,
    });
    const [r, s] = [`0x${signature.slice(2, 66)}`, `0x${signature.slice(66, 130)}`] as const;
    const call = [message.delegatee, 0n, message.expiry, Number(`0x${signature.slice(130)}`), r, s] as const;
    await token.write.delegateBySig(call, { account: people.stranger.address });
    assert.equal(await token.read.getVotes([people.worker.address]), SUPPLY);
    await viem.assertions.revertWithCustomError(token.write.delegateBySig(call), token, "InvalidAccountNonce");
  });
});
