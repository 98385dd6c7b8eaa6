import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { ask, deployStark, type Chain } from "./support/chain.ts";
import { allowedControlIds, bytes, hex, identity } from "./support/fixtures.ts";
import { layout, otherElement, P, queryFields, random, shiftableWords, withWord, type Field } from "./support/layout.ts";

const FEWEST_CASES = 150;
/** Mostly early ones: a later one takes longer to reach. */
const QUERIES = [0, 1, 5, layout.queries - 1];

describe("SealVerifier on altered proofs", () => {
  const pick = random(20_260_101);
  const { seal } = identity;
  const claim = identity.claim!;
  const refusals = new Map<string, number>();
  let cases = 0;
  let chain: Chain;

  before(async () => {
    chain = await deployStark(allowedControlIds());
    assert.deepEqual(await ask(chain, chain.sealVerifier, claim, seal), { returned: identity.controlId });
  });

  after(() => {
    console.log(`      ${cases} alterations refused:`, Object.fromEntries(refusals));
    assert.ok(cases >= FEWEST_CASES);
  });

  async function refused(altered: Buffer, what: string, statement = claim): Promise<string> {
    assert.ok(statement !== claim || !altered.equals(seal), `${what} is the genuine proof`);
    const { failed } = await ask(chain, chain.sealVerifier, statement, altered);
    assert.ok(failed, `${what} was accepted`);
    cases += 1;
    refusals.set(failed, (refusals.get(failed) ?? 0) + 1);
    return failed;
  }

  function flipBit(field: Field): Buffer {
    const altered = Buffer.from(seal);
    altered[field.offset + pick(field.length)]! ^= 1 << pick(8);
    return altered;
  }

  function changeWord(field: Field): Buffer {
    const offset = field.offset + 4 * pick(field.length / 4);
    return withWord(seal, offset, otherElement(seal, offset, pick));
  }

  const places = [...layout.header, ...QUERIES.flatMap((query) =>
    queryFields(query).map((field) => ({ ...field, name: `query ${query}, ${field.name}` })))];

  for (const field of places) {
    it(`${field.name}: one bit, one word`, async () => {
      await refused(flipBit(field), "a flipped bit");
      await refused(changeWord(field), "another word");
    });
  }

  it("field words that are not reduced, though they are the same elements", async () => {
    for (const field of places.filter(({ digests, name }) => !digests && name !== "po2" && name !== "nonce")) {
      const [offset] = shiftableWords(seal, field).slice(-1);
      assert.ok(offset !== undefined);
      await refused(withWord(seal, offset, seal.readUInt32BE(offset) + P), `${field.name} plus p`);
    }
  });

  it("another length", async () => {
    for (const altered of [
      seal.subarray(0, -1),
      seal.subarray(0, layout.queriesAt),
      Buffer.alloc(0),
      Buffer.concat([seal, Buffer.alloc(1)]),
      Buffer.concat([seal, seal.subarray(-layout.queryLength)]),
    ]) {
      assert.equal(await refused(altered, `${altered.length} bytes`), "LENGTH");
    }
  });

  it("another claim", async () => {
    for (const bit of [0, 7, 100, 255]) {
      const other = bytes(claim);
      other[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(await refused(seal, `bit ${bit} of the claim`, hex(other)), "CLAIM");
    }
    assert.equal(await refused(seal, "the zero claim", hex(Buffer.alloc(32))), "CLAIM");
  });

  it("another row count", async () => {
    const { offset } = layout.header.find(({ name }) => name === "po2")!;
    for (const po2 of [0, 17, 19, 20, 18 + P]) {
      assert.equal(await refused(withWord(seal, offset, po2), `po2 ${po2}`), "PO2");
    }
  });

  it("queries in another order", async () => {
    const [a, b] = [0, 1].map((query) => layout.queriesAt + query * layout.queryLength) as [number, number];
    const altered = Buffer.from(seal);
    seal.copy(altered, a, b, b + layout.queryLength);
    seal.copy(altered, b, a, b);
    await refused(altered, "swapped queries");
  });

  it("nothing but zeros", async () => {
    await refused(Buffer.alloc(layout.length), "zeros");
  });
});
