import assert from "node:assert/strict";
import { before, describe, it } from "node:test";

import { JOY, type Market, openMarket, people } from "../support/market.ts";

/** Goal at 64 awards, the proof apart. */
const GAS_AN_AWARD = 32_000n;

describe("gas of settleBatch without the proof", () => {
  let market: Market;
  before(async () => {
    market = await openMarket();
    // The first settlement fills empty slots, as only the first one of a worker, model and treasury does.
    await market.settle([await market.award({ price: JOY / 100n, nonce: 100_000n })]);
    await market.modelMarketplace.write.setPrice([await market.award().then((a) => a.modelDigest), JOY / 1000n], {
      account: people.modelOwner.address,
    });
  });

  for (const count of [1, 8, 16, 32, 64, 128, 256]) {
    it(`${count} awards of one requester, worker and model`, async (test) => {
      const first = BigInt(count) * 1000n;
      const awards = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          market.award({ price: JOY / 100n, modelFee: JOY / 1000n, nonce: first + BigInt(index) }),
        ),
      );
      const { settled, receipt } = await market.settle(awards);
      assert.equal(settled.length, count);
      const each = receipt.gasUsed / BigInt(count);
      test.diagnostic(`${receipt.gasUsed} gas, ${each} an award`);
      if (count >= 64) assert.ok(each <= GAS_AN_AWARD, `${each} gas an award`);
    });
  }
});
