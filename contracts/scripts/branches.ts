/**
 * Branches of Solidity, which Hardhat's coverage does not count: where they are, and how to see which were taken.
 *
 * A branch is an outcome, true or false, of a condition: what `if`, a loop or `?:` asks, and each operand of `&&` and
 * `||`. What is made of `&&`, `||`, `!` and brackets is not counted again, as its parts decide it. Each clause of a
 * `try` is a branch too. Left out are `assert`, which has but one outcome, and assembly.
 *
 * Conditions are wrapped in a call that reports the outcome as Hardhat's own instrumentation reports statements: by a
 * call that its simulated chain writes down. They are found by solc's parser.
 */
import { createHash } from "node:crypto";

// Hardhat's own chain, in the version that Hardhat installs: one of ours could report to another.
import { getCoverageLibrary } from "@nomicfoundation/edr/coverage";
import type { HardhatPlugin } from "hardhat/types/plugins";
import solc from "solc";

const PROBE = "__Branches.sol";
const PREFIX = "project/";

/** Offsets in bytes of UTF-8. A condition has two outcomes, a clause of a `try`, marked where its block begins, one. */
export interface Branching {
  start: number;
  end: number;
  outcomes: 1 | 2;
}

interface Node {
  nodeType: string;
  src: string;
  operator?: string;
  [child: string]: unknown;
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "nodeType" in value;
const isLogical = ({ nodeType, operator }: Node) => nodeType === "BinaryOperation" && /^(&&|\|\|)$/.test(operator!);
const CONDITIONAL = /^(If|While|DoWhile|For)Statement$|^Conditional$/;

/** All of a file, in the order of the text. */
export function branchingsOf(source: string): Branching[] {
  const found = new Map<number, Branching>();
  const note = ({ src }: Node, outcomes: 1 | 2) => {
    const [start, length] = src.split(":").map(Number) as [number, number];
    found.set(start, { start, end: start + length, outcomes });
  };
  const decide = (node: Node) => {
    const [only, ...others] = (node.components ?? []) as Node[];
    if (isLogical(node)) [node.leftExpression, node.rightExpression].forEach((part) => decide(part as Node));
    else if (node.nodeType === "UnaryOperation" && node.operator === "!") decide(node.subExpression as Node);
    else if (node.nodeType === "TupleExpression" && only && others.length === 0) decide(only);
    else note(node, 2);
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isNode(value)) return;
    if (CONDITIONAL.test(value.nodeType) && isNode(value.condition)) decide(value.condition);
    if (isLogical(value)) decide(value);
    if (value.nodeType === "TryCatchClause") note(value.block as Node, 1);
    Object.values(value).forEach(visit);
  };
  visit(parse(source));
  return [...found.values()].sort((a, b) => a.start - b.start);
}

/** What the chain writes down for an outcome of a file's branching number `index`. */
export const tagOf = (file: string, index: number, outcome: boolean) => {
  const tag = createHash("sha256").update(`${file} ${index}`).digest();
  tag[31] = (tag[31]! & 0xfe) | Number(outcome);
  return tag.toString("hex");
};

/** `source` with a report of every outcome. */
function probed(file: string, source: string): string {
  const insertions = branchingsOf(source).flatMap(({ start, end, outcomes }, index): [number, string][] => {
    const tag = `0x${tagOf(file, index, false)}`;
    if (outcomes === 1) return [[start + 1, `__Branches.took(false, ${tag});`]];
    return [[start, "__Branches.took("], [end, `, ${tag})`]];
  });
  let bytes = Buffer.from(source);
  for (const [at, text] of insertions.sort(([a], [b]) => b - a)) {
    bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(text), bytes.subarray(at)]);
  }
  return `${bytes}\nimport {__Branches} from "${PROBE}";\n`;
}

function parse(source: string): unknown {
  const input = {
    language: "Solidity",
    sources: { file: { content: source } },
    settings: { stopAfter: "parsing", outputSelection: { "*": { "": ["ast"] } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: () => ({ contents: "" }) }));
  if (!output.sources?.file?.ast) throw new Error(`solc cannot parse a contract: ${JSON.stringify(output.errors)}`);
  return output.sources.file.ast;
}

/** Probes the contracts, not those of the tests, as Hardhat compiles them for coverage. */
export const branchCoverage: HardhatPlugin = {
  id: "p2pnode:branch-coverage",
  hookHandlers: {
    solidity: async () => ({
      default: async () => ({
        preprocessProjectFileBeforeBuilding: async (context, name, file, content, version, next) => {
          const source = await next(context, name, file, content, version);
          const own = name.startsWith(`${PREFIX}contracts/`) && branchingsOf(source).length !== 0;
          return own ? probed(name.slice(PREFIX.length), source) : source;
        },
        preprocessSolcInputBeforeBuilding: async (context, input, next) => {
          input.sources[PROBE] = {
            content: `pragma solidity ^0.8.28;
              import {__NomicFoundationCoverage} from "${getCoverageLibrary().filename}";
              library __Branches {
                function took(bool outcome, uint256 tag) internal pure returns (bool) {
                  __NomicFoundationCoverage.sendHit(outcome ? tag + 1 : tag);
                  return outcome;
                }
              }`,
          };
          return next(context, input);
        },
      }),
    }),
  },
};
