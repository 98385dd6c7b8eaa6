import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type Hex, keccak256, stringToHex } from "viem";

import { type Disputes, openDisputes, type Papers, PENALTY, STAKE } from "../support/disputes.ts";
import { freshEach } from "../support/fresh.ts";
import { leaf, merklePath } from "../support/merkle.ts";
import { DAY, people } from "../support/market.ts";

/** ISlashing.Fault. */
const FALSE_RESULT = 1;
const hash = (text: string) => keccak256(stringToHex(text));

describe("a false result", () => {
  let nodes: Disputes["nodeCoordinator"];
  let assertions: Disputes["viem"]["assertions"];

  const market = freshEach(openDisputes, () => {
    nodes = market.nodeCoordinator;
    assertions = market.viem.assertions;
  });

  const assertPunished = async (taskId: Hex, supply: bigint, before: bigint) => {
    assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
    assert.equal((await market.joyOf(people.requester)) - before, PENALTY / 2n);
    assert.equal(await market.joyToken.read.totalSupply(), supply - PENALTY / 2n);
    assert.equal(await nodes.read.isPunished([taskId, FALSE_RESULT]), true);
  };

  describe("shown by two results of one task", () => {
    const show = async (papers: Papers, outputs: [string, string], signer = people.worker) => {
      const [first, second] = [
        await market.result(papers.taskId, outputs[0], signer), await market.result(papers.taskId, outputs[1], signer),
      ];
      return nodes.write.reportTwoResults(
        [
          papers.award, papers.awardSignature, first.message, first.signature, second.message, second.signature,
        ],
        market.from(people.stranger),
      );
    };

    it("costs stake, by anyone's hand, at any time until the evidence is stale", async () => {
      const papers = await market.papers();
      const supply = await market.joyToken.read.totalSupply();
      const before = await market.joyOf(people.requester);
      await show(papers, ["one", "two"]);
      await assertPunished(papers.taskId, supply, before);
    });

    it("costs it once", async () => {
      const papers = await market.papers();
      await show(papers, ["one", "two"]);
      await assertions.revertWithCustomErrorWithArgs(
        show(papers, ["one", "three"]), nodes, "AlreadyPunished", [papers.taskId, FALSE_RESULT],
      );
    });

    it("is none when both say the same, or when another signed them", async () => {
      const papers = await market.papers();
      await assertions.revertWithCustomError(show(papers, ["one", "one"]), nodes, "NoContradiction");
      await assertions.revertWithCustomErrorWithArgs(
        show(papers, ["one", "two"], people.requester), nodes, "InvalidSignature", [people.worker.address],
      );
    });

    it("is too late three days after the settle deadline", async () => {
      const papers = await market.papers();
      const last = papers.award.settleDeadline + 3n * DAY;
      await market.networkHelpers.time.setNextBlockTimestamp(last + 1n);
      await assertions.revertWithCustomErrorWithArgs(
        show(papers, ["one", "two"]), nodes, "EvidenceTooLate", [papers.award.settleDeadline],
      );
      await market.restore();
      const again = await market.papers();
      await market.networkHelpers.time.setNextBlockTimestamp(again.award.settleDeadline + 3n * DAY);
      await show(again, ["one", "two"]);
    });

    it("needs an award that the requester signed", async () => {
      const papers = await market.papers();
      await assertions.revertWithCustomErrorWithArgs(
        show({ ...papers, awardSignature: papers.bidSignature }, ["one", "two"]), nodes, "InvalidSignature",
        [people.requester.address],
      );
    });
  });

  describe("shown by a proof", () => {
    const claim = async (papers: Papers, signed: string, leafId: Hex, proved: string, slice: object) => {
      const { message, signature } = await market.result(papers.taskId, signed);
      return nodes.write.reportContradicted(
        [papers.award, papers.awardSignature, message, signature, leafId, hash(proved), slice as never],
        market.from(people.stranger),
      );
    };

    it("costs stake when the worker itself settled with another output", async () => {
      const papers = await market.papers();
      const other = await market.award({ nonce: 99n });
      const { taskIds, args, leaves } = await market.prove([other, papers.award]);
      await market.proofOfInference.write.settleBatch(args);
      const supply = await market.joyToken.read.totalSupply();
      const before = await market.joyOf(people.requester);
      await claim(papers, "a lie", taskIds[1]!, "output 1", { count: 2, first: 1, path: merklePath(leaves, 1) });
      await assertPunished(papers.taskId, supply, before);
    });

    it("costs stake when anyone proved the same model on the same input for another task", async () => {
      const papers = await market.papers();
      const { leafId, leaf: proved } = market.rescueLeaf(papers.taskId, papers.award, people.stranger, "truth");
      const [slice] = await market.proveLeaves([proved, hash("other leaf"), hash("third leaf")]);
      await claim(papers, "a lie", leafId, "truth", slice!);
      assert.equal(await market.stakeOf(people.worker), STAKE - PENALTY);
    });

    it("is none when the proof says the same", async () => {
      const papers = await market.papers();
      const proved = leaf(papers.taskId, papers.award, hash("truth"));
      const [slice] = await market.proveLeaves([proved]);
      await assertions.revertWithCustomError(
        claim(papers, "truth", papers.taskId, "truth", slice!), nodes, "NoContradiction",
      );
    });

    it("is none by a leaf of another model or input, of no proved batch, or by a wrong path", async () => {
      const papers = await market.papers();
      const foreign = { ...papers.award, inputDigest: hash("other input") };
      const [slice, second] = await market.proveLeaves([
        leaf(papers.taskId, foreign, hash("truth")), leaf(papers.taskId, papers.award, hash("truth")),
      ]);
      await assertions.revertWithCustomError(
        claim(papers, "a lie", papers.taskId, "truth", slice!), nodes, "LeafNotProven",
      );
      await assertions.revertWithCustomError(
        claim(papers, "a lie", papers.taskId, "truth", { ...second!, count: 3 }), nodes, "InvalidSlice",
      );
      await claim(papers, "a lie", papers.taskId, "truth", second!);
    });
  });
});
