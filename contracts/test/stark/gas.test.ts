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

  it("is bound by the calldata floor, and the execution fits below it", async () => {
    const gas = await measure(chain, identity);
    console.log(gas);
    assert.equal(gas.transaction, gas.calldataFloor);
    assert.ok(gas.execution < 4_500_000n);
    const counted = Object.values(gas.phases).reduce((sum, phase) => sum + phase, 0n);
    assert.ok(counted > gas.execution * 95n / 100n && counted < gas.execution * 105n / 100n);
  });
});
