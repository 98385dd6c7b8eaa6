import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { deployStark, type Chain } from "./support/chain.ts";
import { allowedControlIds, identity } from "./support/fixtures.ts";
import { measure } from "./support/measure.ts";

describe("Gas of one verification", () => {
  let chain: Chain;
  before(async () => {
    chain = await deployStark(allowedControlIds());
  });

  it("is below the goal of seven million, with calldata", async () => {
    const gas = await measure(chain, identity);
    console.log(gas);
    assert.ok(gas.transaction < 5_400_000n);
    assert.ok(gas.transaction >= gas.calldataFloor);
    assert.ok(gas.execution < 3_300_000n);
    const counted = Object.values(gas.phases).reduce((sum, phase) => sum + phase, 0n);
    assert.ok(counted > gas.execution * 95n / 100n && counted < gas.execution * 105n / 100n);
  });
});
