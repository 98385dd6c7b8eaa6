import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { before, describe, it } from "node:test";

import {
  type Abi, type AbiFunction, type AbiParameter, BaseError, encodeFunctionData, type Hex, isHex, slice, toFunctionSelector,
  zeroAddress,
} from "viem";

import { type Market, openMarket, people } from "../support/market.ts";

const SECURITY = path.join(import.meta.dirname, "../../../docs/security.md");
/** What a contract answers to a caller that has not the right. */
const NO_RIGHT = new Set([
  "AccessControlUnauthorizedAccount", "AlreadyBound", "NotCoordinator", "NotPauser", "NotSettlement",
  "OwnableUnauthorizedAccount", "TimelockUnauthorizedCaller",
]);

/** Zero of an ABI type: empty lists and texts, false, no account. */
function zero(parameter: AbiParameter): unknown {
  const { type } = parameter;
  if (type.endsWith("[]")) return [];
  if (type.startsWith("tuple")) {
    const { components } = parameter as { components: readonly AbiParameter[] };
    return Object.fromEntries(components.map((inner) => [inner.name, zero(inner)]));
  }
  if (type === "address") return zeroAddress;
  if (type === "bool") return false;
  if (type === "string") return "";
  if (type === "bytes") return "0x";
  if (type.startsWith("bytes")) return `0x${"00".repeat(Number(type.slice(5)))}`;
  return Number(type.replace(/^u?int/, "")) <= 48 ? 0 : 0n;
}

/** The error data of a failed call, wherever the client has wrapped it. */
function revertData(error: unknown): Hex | undefined {
  const found = error instanceof BaseError && error.walk((cause) => isHex((cause as { data?: unknown }).data));
  return found ? (found as unknown as { data: Hex }).data : undefined;
}

/** `Contract.call` of every row of the table under "Privileged calls". */
async function listed(): Promise<Set<string>> {
  const text = await readFile(SECURITY, "utf8");
  const section = text.split("## Privileged calls")[1]?.split("\n## ")[0] ?? "";
  const quoted = (cell: string | undefined) => [...(cell ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name!);
  return new Set(
    section.split("\n").filter((line) => line.startsWith("|")).flatMap((row) => {
      const [, contracts, calls] = row.split("|");
      return quoted(contracts).flatMap((contract) => quoted(calls).map((call) => `${contract}.${call}`));
    }),
  );
}

describe("privileged calls", () => {
  let market: Market;
  before(async () => {
    market = await openMarket();
  });

  /** Every state-changing call that a stranger is refused for want of a right. */
  async function refused(): Promise<Set<string>> {
    const contracts: Record<string, { address: Hex; abi: Abi }> = {
      JoyToken: market.joyToken,
      ModelMarketplace: market.modelMarketplace,
      NodeCoordinator: market.nodeCoordinator,
      ProofOfInference: market.proofOfInference,
      ProofOfUse: market.proofOfUse,
      ProtocolParameters: market.parameters,
      ProtocolTimelock: market.timelock,
      ZKVerifier: market.zkVerifier,
    };
    const client = await market.viem.getPublicClient();
    const found = new Set<string>();
    for (const [name, { address, abi }] of Object.entries(contracts)) {
      const calls = abi.filter(
        (item): item is AbiFunction => item.type === "function" && !["view", "pure"].includes(item.stateMutability),
      );
      for (const call of calls) {
        const data = encodeFunctionData({ abi: [call], args: call.inputs.map(zero) });
        const outcome = await client
          .call({ account: people.stranger.address, to: address, data })
          .catch((error: unknown) => revertData(error) ?? "0x00000000");
        const refusals = abi.filter((item) => item.type === "error" && NO_RIGHT.has(item.name));
        const selectors = refusals.map((item) => toFunctionSelector(item as unknown as AbiFunction));
        if (typeof outcome === "string" && selectors.includes(slice(outcome, 0, 4))) found.add(`${name}.${call.name}`);
      }
    }
    return found;
  }

  it("are all in docs/security.md", async () => {
    const [known, found] = [await listed(), await refused()];
    assert.ok(found.size > 15, `only ${found.size} found`);
    assert.deepEqual([...found].filter((call) => !known.has(call)), []);
  });

  it("name nothing there that is gone", async () => {
    const abis = await Promise.all(
      [...await listed()].map(async (entry) => {
        const [contract, call] = entry.split(".") as [string, string];
        const key = { ProtocolParameters: "parameters", ProtocolTimelock: "timelock", ZKVerifier: "zkVerifier" }[contract]
          ?? contract[0]!.toLowerCase() + contract.slice(1);
        const { abi } = market[key as "joyToken"];
        return { entry, exists: (abi as Abi).some((item) => item.type === "function" && item.name === call) };
      }),
    );
    assert.deepEqual(abis.filter(({ exists }) => !exists), []);
  });
});
