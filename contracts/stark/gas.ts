// `npx hardhat run stark/gas.ts`, in contracts/: gas of deployment and of one verification by phase, as JSON.
import { deployStark } from "../test/stark/support/chain.ts";
import { allowedControlIds, identity } from "../test/stark/support/fixtures.ts";
import { measure } from "../test/stark/support/measure.ts";

const chain = await deployStark(allowedControlIds());
let deployment = 0n;
for (let number = await chain.client.getBlockNumber(); number > 0n; number--) {
  deployment += (await chain.client.getBlock({ blockNumber: number })).gasUsed;
}
const gas = { deployment, ...(await measure(chain, identity)) };
console.log(JSON.stringify(gas, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value), 2));
