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

const MUTANTS: Mutant[] = [
  {
    what: "what a slash leaves goes back to the worker",
    by: "everybodyOwnsExactlyWhatTheLedgerSays", saying: "a person",
    file: "Slashing.sol", from: "_token.safeTransfer(requester, compensation)",
    to: "_token.safeTransfer(worker, compensation)",
  },
  {
    what: "a payout is made twice",
    by: "settlementHoldsExactlyEscrowsReservesAndCredits", saying: "held by settlement",
    file: "Payouts.sol", from: "return token.safeTransfer(to, amount);",
    to: "return token.safeTransfer(to, 2 * amount);",
  },
  {
    what: "an escrow is not debited",
    by: "settlementHoldsExactlyEscrowsReservesAndCredits", saying: "held by settlement",
    file: "Escrow.sol", from: "_escrows[requester].balance -= uint96(amount);", to: "amount;",
  },
  {
    what: "the money of an answered report stays set aside",
    by: "reservesAreThoseOfOpenReports", saying: "reserved",
    file: "Reports.sol", from: "_reports[taskId].open = false;\n        totalReserved -= award.price + award.modelFee;",
    to: "_reports[taskId].open = false;\n        award;",
  },
  {
    what: "a credit can be taken out again",
    by: "creditsAddUp", saying: "credits",
    file: "Payouts.sol", from: "_credits[msg.sender] = credit - amount;", to: "",
  },
  {
    what: "the burnt half of a slash is not burnt",
    by: "coordinatorHoldsExactlyStakesAndBonds", saying: "stakes and bonds",
    file: "Slashing.sol", from: "        _burn(burnt);\n", to: "",
  },
  {
    what: "a fault costs the penalty twice",
    by: "stakesFallOnlyByWithdrawalAndSlashing", saying: "stake",
    file: "Slashing.sol", from: "_takeStake(worker, penalty())", to: "_takeStake(worker, 2 * penalty())",
  },
  {
    what: "royalties can be claimed again",
    by: "useHoldsExactlyRoyaltiesAndPools", saying: "royalties and pools",
    file: "ProofOfUse.sol", from: "_royalties[modelDigest] = 0;", to: "",
  },
  {
    what: "a reward is the share of a pool however large",
    by: "poolsPayNoMoreThanTheyHoldNorThanWasPaidInFees", saying: "more than the protocol fees",
    file: "ProofOfUse.sol", from: "pool >= total ? paid", to: "pool == 0 || total == 0 ? 0",
  },
  {
    what: "a reward can be claimed again",
    by: "poolsPayNoMoreThanTheyHoldNorThanWasPaidInFees", saying: "more than the pool",
    file: "ProofOfUse.sol", from: "_rewarded[epoch][modelDigest] = true;", to: "",
  },
  {
    what: "evidence of over-commitment burns the whole bond and pays half of it too",
    by: "theSupplyFallsByBurnsAlone", saying: "supply",
    file: "Bonds.sol", from: "        _burn(burnt);\n", to: "        _burn(forfeited);\n",
  },
  {
    what: "protocol fees go to an address that nobody has",
    by: "noJoyIsMadeOrLost", saying: "all JOY",
    file: "Payouts.sol", from: "_pay(till.terms.treasury, till.toTreasury", to: "_pay(address(1), till.toTreasury",
  },
  {
    what: "a nonce is not marked as used",
    by: "noNoncePaysTwice", saying: "a nonce paid twice",
    file: "Reports.sol", from: "_nonces[requester].set(nonce);", to: "requester;\n        nonce;",
  },
  {
    what: "a run of awards counts as one in the worker's record",
    by: "recordsCountExactlyThePaidAwards", saying: "records",
    file: "Payouts.sol", from: "coordinator.recordSettled(run.to, run.count);",
    to: "coordinator.recordSettled(run.to, 1);",
  },
  {
    what: "the protocol fee of a rescue is not recorded",
    by: "feesPaidAreFeesRecorded", saying: "protocol fees",
    file: "Payouts.sol", from: "award.modelFee, protocolFee), till);", to: "award.modelFee, 0), till);",
  },
  {
    what: "a share that is given away is kept as well",
    by: "sharesAddUpToTheWhole", saying: "shares",
    file: "libraries/Shares.sol", from: "list[giver].bps -= bps;", to: "",
  },
  {
    what: "anybody may sign in the requester's name",
    by: "nothingHappensThatTheRulesForbid", saying: "a forged award pays nothing",
    file: "ProofOfInference.sol", from: "if (!_signedBy(award.requester, taskId, signature))",
    to: "if (signature.length == 0)",
  },
  {
    what: "a slice needs no proof",
    by: "nothingHappensThatTheRulesForbid", saying: "what must be refused is refused",
    file: "Proofs.sol", from: "if (!_proven[journalDigest]) revert NotProven(journalDigest);", to: "journalDigest;",
  },
  {
    what: "stake comes out without delay",
    by: "nothingHappensThatTheRulesForbid", saying: "what must be refused is refused",
    file: "NodeCoordinator.sol",
    from: "if (block.timestamp < node.withdrawableAt) revert StillBonded(node.withdrawableAt);", to: "",
  },
  {
    what: "escrow comes out sooner than an award may be settled",
    by: "nothingHappensThatTheRulesForbid", saying: "a withdrawal waits two days",
    file: "Escrow.sol", from: "uint64(block.timestamp) + withdrawalDelay;",
    to: "uint64(block.timestamp) + withdrawalDelay / 4;",
  },
  {
    what: "anybody may write the record of use",
    by: "nothingHappensThatTheRulesForbid", saying: "what must be refused is refused",
    file: "ProofOfUse.sol", from: "if (msg.sender != _settlement) revert NotSettlement(msg.sender);", to: "",
  },
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
