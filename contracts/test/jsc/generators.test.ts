import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import hre from "hardhat";
import { type Address, keccak256, size, slice, toHex } from "viem";

import { type Affine, generators, H, hashToPoint } from "./support/verifier.ts";

const P = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;

/** Points of a table's code, without the zero byte before them. */
function points(code: `0x${string}`): Affine[] {
  assert.equal(slice(code, 0, 1), "0x00");
  const word = (i: number) => BigInt(slice(code, 1 + 32 * i, 33 + 32 * i));
  return Array.from({ length: (size(code) - 1) / 64 }, (_, i) => [word(2 * i), word(2 * i + 1)]);
}

describe("The generators of JSC", () => {
  let tables: Affine[][];
  let digest: `0x${string}`;

  before(async () => {
    const { viem } = await hre.network.create();
    const verifier = await viem.deployContract("BulletproofsPlusVerifier");
    const client = await viem.getPublicClient();
    const addresses: Address[] = [await verifier.read.leftTable(), await verifier.read.rightTable()];
    tables = await Promise.all(addresses.map(async (address) => points((await client.getCode({ address }))!)));
    digest = await verifier.read.generatorsDigest();
  });

  it("are derived on the chain as docs/jsc.md says", () => {
    const { left, right, digest: derived } = generators();
    assert.deepEqual(tables, [left, right]);
    assert.equal(digest, derived);
  });

  it("are pairwise distinct, up to sign, and none is G, H or the base of a key image of one of them", () => {
    const all: Affine[] = [[1n, 2n], H, ...tables.flat()];
    // Equal up to sign is equal in x.
    assert.equal(new Set(all.map(([x]) => x)).size, 514);
    for (const [x, y] of all) assert.equal((y * y - x ** 3n - 3n) % P, 0n);
    const words = (point: Affine) => `${toHex(point[0], { size: 32 })}${toHex(point[1], { size: 32 }).slice(2)}` as const;
    const bases = all.map((point) => hashToPoint(keccak256(toHex("JSC/v1/key-image-base")), words(point))[0]);
    assert.equal(new Set([...all.map(([x]) => x), ...bases]).size, 1028);
  });
});
