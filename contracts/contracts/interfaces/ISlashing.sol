// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Award} from "../types/Award.sol";
import {Call} from "../types/Call.sol";
import {Papers} from "../types/Papers.sol";
import {Result} from "../types/Result.sol";
import {SessionAward} from "../types/SessionAward.sol";
import {Slice} from "../types/Slice.sol";

/// @title Punishment of workers, by evidence that anyone can submit
/// @notice A fault costs `penalty`, once for each kind and task. Half of it is burnt, half goes to the requester; a
/// rescuer gets half of the requester's half.
interface ISlashing {
    /// @notice What a worker can lose stake for.
    enum Fault {
        Missed,
        FalseResult
    }

    /// @notice A term on which an award and the papers behind it must agree.
    enum Term {
        OfferHash,
        BidHash,
        Requester,
        Worker,
        ModelDigest,
        InputDigest,
        Price,
        ModelFee,
        PayToken,
        ResultDeadline,
        SettleDeadline,
        Nonce,
        Ramp
    }

    /// @notice Reports of one worker's awards that are open.
    /// @param total All of them.
    /// @param unvouched Those without a signed result.
    struct OpenReports {
        uint32 total;
        uint32 unvouched;
    }

    /// @notice A missed award was reported; its worker may settle it until `answerUntil`.
    event AwardReported(
        bytes32 indexed taskId, address indexed requester, address indexed worker, uint64 answerUntil, bool vouched
    );
    /// @notice The worker of an award that was reported on its bid turned out to have signed a result.
    event ReportVouched(bytes32 indexed taskId);
    /// @notice The worker settled a reported award in time.
    event ReportAnswered(bytes32 indexed taskId, address indexed worker);
    /// @notice A worker's promise was broken and is now on its record.
    event AwardMissed(bytes32 indexed taskId, address indexed requester, address indexed worker);
    /// @notice A worker lost `amount` of its stake: `burnt` is gone, the rest went to `requester` and `rescuer`.
    event Slashed(
        bytes32 indexed taskId,
        address indexed worker,
        Fault fault,
        uint256 amount,
        uint256 burnt,
        address requester,
        address rescuer
    );

    /// @notice Only the settlement contract may.
    error NotSettlement(address caller);
    /// @notice The award differs from its offer or bid in this term, or the term could not have been settled.
    error TermsMismatch(Term term);
    /// @notice The result is for another task.
    error ResultMismatch(bytes32 taskId);
    /// @notice Both results, or result and proof, say the same.
    error NoContradiction();
    /// @notice The proved leaf lies in no proved batch.
    error LeafNotProven(bytes32 journalDigest);
    /// @notice The evidence comes more than `EVIDENCE_WINDOW` after the settle deadline.
    error EvidenceTooLate(uint64 settleDeadline);
    /// @notice The worker was punished for this already.
    error AlreadyPunished(bytes32 taskId, Fault fault);
    /// @notice As many promises of this worker are under report as it has capacity.
    error TooManyReports(address worker, uint32 capacity);

    /// @notice Reports that a worker bid for an offer, was awarded at its price and did not settle in time. Hands it the
    /// input, so that it has all it needs to settle in the answer window, whatever it got before. Sets the price aside
    /// from the caller's escrow.
    /// @dev Whether the input can be run is not known before it was: stake is lost only if another worker then rescues
    /// the task, else the miss goes on the record and the money back. At most `capacity` such reports of a worker are
    /// open at a time, so that nobody can hand it more than it said it can do.
    /// @param papers Offer, bid and award with their signatures.
    /// @param input The canonically encoded input tensors.
    function reportMissed(Papers calldata papers, bytes calldata input) external;

    /// @notice Reports that a worker answered an award with a signed result and did not settle it in time. Sets the
    /// price aside from the caller's escrow. The worker loses stake unless it settles in the answer window.
    /// @dev A report of the award on its bid alone is raised to this one and goes on as it stands, with its windows and
    /// its reporter's money. Else a worker could report itself on its bid first and lose nothing.
    function reportUnproved(
        Award calldata award,
        bytes calldata awardSignature,
        Result calldata result,
        bytes calldata resultSignature
    ) external;

    /// @notice Ends a report after the windows for answer and rescue: the money goes back to the reporter, the miss on
    /// the record, and a worker that had signed a result loses stake. Anyone may call.
    function closeReport(Award calldata award) external;

    /// @notice Shows two signed results of one task.
    function reportTwoResults(
        Award calldata award,
        bytes calldata awardSignature,
        Result calldata first,
        bytes calldata firstSignature,
        Result calldata second,
        bytes calldata secondSignature
    ) external;

    /// @notice Shows a signed result that a proof contradicts: a leaf of any proved batch with the same model and
    /// input, and another output.
    /// @param leafId Task id, or digest of a {Rescue}, in the proved leaf.
    /// @param outputDigest Proved output.
    /// @param slice Where the leaf lies.
    function reportContradicted(
        Award calldata award,
        bytes calldata awardSignature,
        Result calldata result,
        bytes calldata resultSignature,
        bytes32 leafId,
        bytes32 outputDigest,
        Slice calldata slice
    ) external;

    /// @notice Shows an answer in a session that a proof contradicts, as {reportContradicted} does for an award. The
    /// whole session counts as one task, named by its hash.
    /// @param session What was agreed; the worker's own signature names it.
    /// @param call The false one.
    /// @param receiptSignature Of the worker, on the {CallReceipt} after this call.
    /// @param leafId Task id, or digest of a {Rescue}, in the proved leaf.
    /// @param outputDigest Proved output.
    /// @param slice Where the leaf lies.
    function reportContradictedCall(
        SessionAward calldata session,
        Call calldata call,
        bytes calldata receiptSignature,
        bytes32 leafId,
        bytes32 outputDigest,
        Slice calldata slice
    ) external;

    /// @notice Notes that a reported award was settled by its worker.
    /// @dev Only the settlement contract.
    function recordAnswered(bytes32 taskId, address worker) external;

    /// @notice Takes the penalty for a reported award that `rescuer` has proved.
    /// @dev Only the settlement contract.
    function slashRescued(bytes32 taskId, address worker, address requester, address rescuer) external;

    /// @notice What one fault costs, in the smallest unit of JOY: the least stake of a node.
    function penalty() external view returns (uint256);

    /// @notice Open reports of a worker's awards.
    function reportsOf(address worker) external view returns (OpenReports memory);

    /// @notice Whether a worker was punished for a fault in this task.
    function isPunished(bytes32 taskId, Fault fault) external view returns (bool);
}
