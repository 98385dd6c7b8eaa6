/**
 * Tries the stateful invariants: each must catch, alone, the contracts that one small change has broken.
 *
 *     node scripts/mutants.ts [PATTERN]
 *
 * A change is made in a copy of the sources in which `invariant_all` checks one invariant only and a handler's revert
 * fails nothing, so that nothing else can stand in for it. A mutant counts as caught when the campaign fails with the
 * words of that invariant. PATTERN chooses mutants by their description.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");
const SUITE = "test/solidity/Invariants.t.sol";

interface Mutant {
  what: string;
  /** The function of the suite that must catch it, and what it says then. */
  by: string;
  saying: string;
  file: string;
  /** Text that stands in the file once, and what stands there instead. */
  from: string;
  to: string;
}

/** Changes that one invariant must catch: what is wrong then, the file, its text, and what stands there instead. */
const caughtBy = (by: string, saying: string, changes: [string, string, string, string][]): Mutant[] =>
  changes.map(([what, file, from, to]) => ({ what, by, saying, file, from, to }));

const MUTANTS: Mutant[] = [
  ...caughtBy("everybodyOwnsExactlyWhatTheLedgerSays", "a person", [
    [
      "what a slash leaves goes back to the worker", "Slashing.sol",
      "_token.safeTransfer(requester, compensation)",
      "_token.safeTransfer(worker, compensation)",
    ],
    [
      "the opening fee is due with each settlement", "Sessions.sol",
      "paid == 0 ? session.openingFee : 0",
      "session.openingFee",
    ],
  ]),
  ...caughtBy("settlementHoldsExactlyEscrowsReservesAndCredits", "held by settlement", [
    [
      "a payout is made twice", "Payouts.sol",
      "return token.safeTransfer(to, amount);",
      "return token.safeTransfer(to, 2 * amount);",
    ],
    ["an escrow is not debited", "Escrow.sol", "_escrows[requester].balance -= uint96(amount);", "amount;"],
  ]),
  ...caughtBy("reservesAreThoseOfOpenReports", "reserved", [
    [
      "the money of an answered report stays set aside", "Reports.sol",
      "_reports[taskId].open = false;\n        totalReserved -= award.price + award.modelFee;",
      "_reports[taskId].open = false;\n        award;",
    ],
  ]),
  ...caughtBy("creditsAddUp", "credits", [
    ["a credit can be taken out again", "Payouts.sol", "_credits[msg.sender] = credit - amount;", ""],
  ]),
  ...caughtBy("coordinatorHoldsExactlyStakesAndBonds", "stakes and bonds", [
    ["the burnt half of a slash is not burnt", "Slashing.sol", "        _burn(burnt);\n", ""],
  ]),
  ...caughtBy("stakesFallOnlyByWithdrawalAndSlashing", "stake", [
    [
      "a fault costs the penalty twice", "Slashing.sol",
      "_takeStake(worker, penalty())",
      "_takeStake(worker, 2 * penalty())",
    ],
  ]),
  ...caughtBy("useHoldsExactlyRoyaltiesAndPools", "royalties and pools", [
    ["royalties can be claimed again", "ProofOfUse.sol", "_royalties[modelDigest] = 0;", ""],
  ]),
  ...caughtBy("poolsPayNoMoreThanTheyHoldNorThanWasPaidInFees", "more than the protocol fees", [
    [
      "a reward is the share of a pool however large", "ProofOfUse.sol",
      "pool >= total ? paid",
      "pool == 0 || total == 0 ? 0",
    ],
  ]),
  ...caughtBy("poolsPayNoMoreThanTheyHoldNorThanWasPaidInFees", "more than the pool", [
    ["a reward can be claimed again", "ProofOfUse.sol", "_rewarded[epoch][modelDigest] = true;", ""],
  ]),
  ...caughtBy("theSupplyFallsByBurnsAlone", "supply", [
    [
      "evidence of over-commitment burns the whole bond and pays half of it too", "Bonds.sol",
      "        _burn(burnt);\n",
      "        _burn(forfeited);\n",
    ],
  ]),
  ...caughtBy("noJoyIsMadeOrLost", "all JOY", [
    [
      "protocol fees go to an address that nobody has", "Payouts.sol",
      "_pay(till.terms.treasury, till.toTreasury",
      "_pay(address(1), till.toTreasury",
    ],
  ]),
  ...caughtBy("noNoncePaysTwice", "a nonce paid twice", [
    ["a nonce is not marked as used", "Reports.sol", "_nonces[requester].set(nonce);", "requester;\n        nonce;"],
  ]),
  ...caughtBy("recordsCountExactlyThePaidAwards", "records", [
    [
      "a run of awards counts as one in the worker's record", "Payouts.sol",
      "coordinator.recordSettled(run.to, run.count);",
      "coordinator.recordSettled(run.to, 1);",
    ],
  ]),
  ...caughtBy("feesPaidAreFeesRecorded", "protocol fees", [
    [
      "the protocol fee of a rescue is not recorded", "Payouts.sol",
      "award.modelFee, protocolFee), till);",
      "award.modelFee, 0), till);",
    ],
  ]),
  ...caughtBy("sharesAddUpToTheWhole", "shares", [
    ["a share that is given away is kept as well", "libraries/Shares.sol", "list[giver].bps -= bps;", ""],
  ]),
  ...caughtBy("nothingHappensThatTheRulesForbid", "a forged award pays nothing", [
    [
      "anybody may sign in the requester's name", "ProofOfInference.sol",
      "if (!_signedBy(award.requester, taskId, signature))",
      "if (signature.length == 0)",
    ],
  ]),
  ...caughtBy("nothingHappensThatTheRulesForbid", "what must be refused is refused", [
    [
      "a slice needs no proof", "Proofs.sol",
      "if (!_proven[journalDigest]) revert NotProven(journalDigest);",
      "journalDigest;",
    ],
    [
      "stake comes out without delay", "NodeCoordinator.sol",
      "if (block.timestamp < node.withdrawableAt) revert StillBonded(node.withdrawableAt);",
      "",
    ],
    [
      "anybody may write the record of use", "ProofOfUse.sol",
      "if (msg.sender != _settlement) revert NotSettlement(msg.sender);",
      "",
    ],
  ]),
  ...caughtBy("nothingHappensThatTheRulesForbid", "a withdrawal waits two days", [
    [
      "escrow comes out sooner than an award may be settled", "Escrow.sol",
      "uint64(block.timestamp) + withdrawalDelay;",
      "uint64(block.timestamp) + withdrawalDelay / 4;",
    ],
  ]),
  ...caughtBy("nothingHappensThatTheRulesForbid", "a session pays what its voucher covers, and nothing else", [
    [
      "another session's voucher pays", "Sessions.sol",
      "if (voucher.sessionHash != sessionHash) revert VoucherMismatch(voucher.sessionHash);",
      "",
    ],
    [
      "anybody may sign vouchers", "Sessions.sol",
      "if (!_signedBy(session.requester, hashVoucher(voucher), voucherSignature))",
      "if (voucherSignature.length == 0)",
    ],
    [
      "a voucher may be for more calls than the session", "Sessions.sol",
      "if (voucher.calls > most) revert TooManyCalls(voucher.calls, most);",
      "most;",
    ],
    [
      "a call that was asked and not answered is paid", "Sessions.sol",
      "if (answer.output.length == 0) return calls - 1;",
      "if (answer.output.length == 0) return calls;",
    ],
    [
      "anybody may sign the last answer", "Sessions.sol",
      "if (!_signedBy(session.worker, receipt, answer.receiptSignature)) revert BadSignature(session.worker);",
      "receipt;",
    ],
    [
      "a session is paid only when the escrow covers all that is due", "Sessions.sol",
      "uint32(Math.min(most, (balance - opening) / each));",
      "most;",
    ],
    [
      "the opening fee does not count towards what the escrow covers", "Sessions.sol",
      "(balance - opening) / each",
      "balance / each",
    ],
  ]),
  ...caughtBy("nothingHappensThatTheRulesForbid", "paid calls are counted", [
    ["paid calls are not counted", "Sessions.sol", "_paidCalls[sessionHash] = paid + bill.calls;", ""],
  ]),
  ...caughtBy("nothingHappensThatTheRulesForbid", "a session pays nothing after its deadline", [
    [
      "a session has no deadline", "Sessions.sol",
      "if (block.timestamp > deadline) revert SessionExpired(deadline);",
      "",
    ],
  ]),
  ...caughtBy("feesPaidAreFeesRecorded", "use", [
    [
      "a settlement of a session counts as one use", "Payouts.sol",
      "Run(session.modelDigest, address(0), calls, modelFees, protocolFee)",
      "Run(session.modelDigest, address(0), 1, modelFees, protocolFee)",
    ],
  ]),
];

const CONFIG = (hardhat: string) => `
import { defineConfig } from "hardhat/config";
import project from "${hardhat}";
const { default: solc } = project.solidity.profiles;
export default defineConfig({
  // Compiled without the optimizer, which takes longer than the campaign.
  solidity: { ...solc, settings: { ...solc.settings, optimizer: { enabled: false } } },
  // The campaign calls contracts that are sources.
  paths: { sources: "./test/support/world" },
  test: { solidity: { invariant: { runs: 32, depth: 500, failOnRevert: false, shrinkRunLimit: 0 } } },
});
`;

function replaceOnce(file: string, from: string, to: string): void {
  const text = readFileSync(file, "utf8");
  if (text.split(from).length !== 2) throw new Error(`${file} has no single place that reads: ${from}`);
  writeFileSync(file, text.replace(from, () => to));
}

/** What the campaign of the suite prints in `folder`, and whether it passed. */
function campaign(folder: string): { passed: boolean; output: string } {
  const hardhat = path.join(folder, "node_modules/hardhat/dist/src/cli.js");
  const { status, stdout, stderr } = spawnSync(
    process.execPath, [hardhat, "test", "solidity", "--grep", "invariant_all"],
    { cwd: folder, encoding: "utf8", env: { ...process.env, FORCE_COLOR: "0" } },
  );
  return { passed: status === 0, output: stderr + stdout };
}

/** Only `by` is left in the suite. */
function isolate(folder: string, by: string): void {
  const suite = path.join(folder, SUITE);
  const body = /function invariant_all\(\) public \{\n([^}]*)\}/.exec(readFileSync(suite, "utf8"))?.[1];
  if (!body?.includes(`${by}();`)) throw new Error(`${SUITE} checks no ${by}`);
  replaceOnce(suite, body, `        ${by}();\n    `);
}

function attempt({ file, from, to, by, saying }: Mutant): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), "p2pnode-mutant-"));
  try {
    for (const part of ["contracts", SUITE, "test/support", "package.json"]) {
      cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
    }
    symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
    writeFileSync(path.join(folder, "hardhat.config.ts"), CONFIG(path.join(ROOT, "hardhat.config.ts")));
    isolate(folder, by);
    replaceOnce(path.join(folder, "contracts", file), from, to);
    const { passed, output } = campaign(folder);
    if (passed) return "not caught";
    return output.includes(`"${saying}"`) ? undefined : `failed otherwise:\n${output.slice(-3_000)}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const suite = /function invariant_all[^}]*/.exec(readFileSync(path.join(ROOT, SUITE), "utf8"))![0];
const invariants = [...suite.matchAll(/^ {8}(\w+)\(\);$/gm)].map(([, name]) => name!);
const untried = invariants.filter((name) => !MUTANTS.some(({ by }) => by === name));
if (untried.length !== 0) throw new Error(`no mutant tries ${untried.join(", ")}`);

const pattern = new RegExp(process.argv[2] ?? "");
const chosen = MUTANTS.filter(({ what }) => pattern.test(what));
let missed = 0;
for (const mutant of chosen) {
  const failure = attempt(mutant);
  if (failure !== undefined) ++missed;
  console.log(`${failure === undefined ? "caught" : "MISSED"}  ${mutant.what}: ${mutant.by}`);
  if (failure !== undefined) console.log(failure);
}
const tried = new Set(chosen.map(({ by }) => by)).size;
const caught = chosen.length - missed;
console.log(`${caught} of ${chosen.length} mutants caught, ${tried} of ${invariants.length} invariants tried`);
if (missed !== 0) process.exitCode = 1;
