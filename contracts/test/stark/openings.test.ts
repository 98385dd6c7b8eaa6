import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import type { Address } from "viem";

import { ask, deployStark, deployVariant, type Chain } from "./support/chain.ts";
import { allowedControlIds, identity } from "./support/fixtures.ts";
import { buildVariant } from "./support/generator.ts";
import { layout, otherElement, P, queryFields, random, shiftableWords, withWord, type Field } from "./support/layout.ts";

/**
 * An altered opening is refused by its Merkle path before anything else sees it. So that the checks behind are
 * seen to work, this build compares no paths. It exists in this test alone.
 */
describe("SealVerifier without its Merkle comparisons, on forged openings", () => {
  const pick = random(7_825);
  const { seal } = identity;
  const claim = identity.claim!;
  const refusals = new Map<string, number>();
  let chain: Chain;
  let variant: Address;

  before(async () => {
    chain = await deployStark(allowedControlIds());
    variant = await deployVariant(chain, buildVariant("--without-paths").bytecode);
    assert.deepEqual(await ask(chain, variant, claim, seal), { returned: identity.controlId });
  });

  after(() => console.log("      refused:", Object.fromEntries(refusals)));

  async function refusedBy(altered: Buffer, checks: readonly string[], what: string): Promise<void> {
    assert.ok(!altered.equals(seal));
    const { failed } = await ask(chain, variant, claim, altered);
    assert.ok(failed && checks.includes(failed), `${what}: ${failed ?? "accepted"}`);
    refusals.set(failed, (refusals.get(failed) ?? 0) + 1);
  }

  async function forge(field: Field, index: number, checks: readonly string[]): Promise<void> {
    const offset = field.offset + 4 * index;
    await refusedBy(withWord(seal, offset, otherElement(seal, offset, pick)), checks, `${field.name} ${index}`);
  }

  const fieldOf = (query: number, name: string): Field => queryFields(query).find((field) => field.name === name)!;

  it("has no path check left", async () => {
    const path = fieldOf(0, "data path");
    const altered = withWord(seal, path.offset, (seal.readUInt32BE(path.offset) ^ 1) >>> 0);
    assert.deepEqual(await ask(chain, variant, claim, altered), { returned: identity.controlId });
  });

  const ROWS: Readonly<Record<string, number>> = { "accum row": 1, "code row": 1, "data row": 3, "check row": 1 };
  for (const [name, step] of Object.entries(ROWS)) {
    it(`${name}: the DEEP equation sees ${step === 1 ? "every column" : `every ${step}rd column`}`, async () => {
      const columns = fieldOf(0, name).length / 4;
      for (let column = 0; column < columns; column += step) await forge(fieldOf(column % 2, name), column, ["DEEP"]);
    });
  }

  const RESULTS: Readonly<Record<string, readonly string[]>> = {
    "fri1 leaf": ["DEEP", "FRI2_VALUE"],
    "fri2 leaf": ["FRI2_VALUE", "FRI3_VALUE"],
    "fri3 leaf": ["FRI3_VALUE", "FINAL"],
  };
  for (const [name, checks] of Object.entries(RESULTS)) {
    it(`${name}: every element is bound to the value before or after it`, async () => {
      for (let element = 0; element < 16; element++) {
        await forge(fieldOf(1 + (element % 2), name), 16 * pick(4) + element, checks);
      }
    });
  }

  it("words that are not reduced: only the range check can see them", async () => {
    for (const query of [0, layout.queries - 1]) {
      for (const field of queryFields(query).filter(({ digests }) => !digests)) {
        const [offset] = shiftableWords(seal, field);
        assert.ok(offset !== undefined);
        const altered = withWord(seal, offset, seal.readUInt32BE(offset) + P);
        await refusedBy(altered, ["RANGE"], `query ${query} ${field.name} plus p`);
      }
    }
  });
});
