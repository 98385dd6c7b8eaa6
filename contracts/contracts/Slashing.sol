// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Bonds} from "./Bonds.sol";
import {IPayouts} from "./interfaces/IPayouts.sol";
import {IProofs} from "./interfaces/IProofs.sol";
import {IReports} from "./interfaces/IReports.sol";
import {ISlashing} from "./interfaces/ISlashing.sol";
import {IStoppable} from "./interfaces/IStoppable.sol";
import {ITypedData} from "./interfaces/ITypedData.sol";
import {Evidence} from "./libraries/Evidence.sol";
import {MerkleBatch} from "./libraries/MerkleBatch.sol";
import {Award} from "./types/Award.sol";
import {Call} from "./types/Call.sol";
import {CallReceipt, CallReceiptHash} from "./types/CallReceipt.sol";
import {Papers} from "./types/Papers.sol";
import {Result} from "./types/Result.sol";
import {SessionAward} from "./types/SessionAward.sol";
import {Slice} from "./types/Slice.sol";
import {ANSWER_WINDOW, EVIDENCE_WINDOW} from "./types/Windows.sol";

/// @title Judge of evidence against workers
/// @notice Decides who lost what; the settlement contract keeps the money of reports, {NodeCoordinator} the stakes.
abstract contract Slashing is Bonds, ISlashing {
    using SafeERC20 for IERC20;

    mapping(address worker => OpenReports) private _reports;
    mapping(bytes32 taskId => mapping(Fault => bool)) private _punished;

    modifier onlySettlement() {
        if (msg.sender != _settlement) revert NotSettlement(msg.sender);
        _;
    }

    /// @inheritdoc ISlashing
    function reportMissed(Papers calldata papers, bytes calldata input) external nonReentrant {
        Award calldata award = papers.award;
        ITypedData typed = ITypedData(_settlement);
        bytes32 bidHash = typed.hashBid(papers.bid);
        Evidence.requireSameTerms(
            papers.offer, typed.hashOffer(papers.offer), papers.bid, bidHash, award, address(_token)
        );
        if (sha256(input) != award.inputDigest) revert TermsMismatch(Term.InputDigest);
        _requireSigned(award.worker, bidHash, papers.bidSignature);
        uint32 capacity = _capacityOf(award.worker);
        if (_reports[award.worker].unvouched >= capacity) revert TooManyReports(award.worker, capacity);
        ++_reports[award.worker].unvouched;
        _openReport(award, papers.awardSignature, false);
    }

    /// @inheritdoc ISlashing
    function reportUnproved(
        Award calldata award,
        bytes calldata awardSignature,
        Result calldata result,
        bytes calldata resultSignature
    ) external nonReentrant {
        bytes32 taskId = _requireResult(award, result, resultSignature);
        IReports.Report memory report = IReports(_settlement).reportOf(taskId);
        if (!report.open || report.vouched) return _openReport(award, awardSignature, true);
        --_reports[award.worker].unvouched;
        IReports(_settlement).vouchReport(taskId);
        emit ReportVouched(taskId);
    }

    /// @inheritdoc ISlashing
    function closeReport(Award calldata award) external nonReentrant {
        (bytes32 taskId, IReports.Report memory report, bool missed) = IReports(_settlement).releaseReport(award);
        _closeReport(award.worker, report.vouched);
        // Somebody else settled under the nonce: the requester got its answer, and nobody was harmed.
        if (!missed) return;
        _recordMissed(award.worker);
        emit AwardMissed(taskId, award.requester, award.worker);
        if (report.vouched && !_wasStoppedSince(report.answerUntil - ANSWER_WINDOW)) {
            _punish(Fault.Missed, taskId, award.worker, award.requester, address(0));
        }
    }

    /// @inheritdoc ISlashing
    function reportTwoResults(
        Award calldata award,
        bytes calldata awardSignature,
        Result calldata first,
        bytes calldata firstSignature,
        Result calldata second,
        bytes calldata secondSignature
    ) external nonReentrant {
        if (first.outputDigest == second.outputDigest) revert NoContradiction();
        bytes32 taskId = _requireResult(award, first, firstSignature);
        _requireResult(award, second, secondSignature);
        _punishFalse(award, awardSignature, taskId);
    }

    /// @inheritdoc ISlashing
    function reportContradicted(
        Award calldata award,
        bytes calldata awardSignature,
        Result calldata result,
        bytes calldata resultSignature,
        bytes32 leafId,
        bytes32 outputDigest,
        Slice calldata slice
    ) external nonReentrant {
        if (result.outputDigest == outputDigest) revert NoContradiction();
        _requireProven(MerkleBatch.leaf(leafId, award.modelDigest, award.inputDigest, outputDigest), slice);
        bytes32 taskId = _requireResult(award, result, resultSignature);
        _punishFalse(award, awardSignature, taskId);
    }

    /// @inheritdoc ISlashing
    function reportContradictedCall(
        SessionAward calldata session,
        Call calldata call,
        bytes calldata receiptSignature,
        bytes32 leafId,
        bytes32 outputDigest,
        Slice calldata slice
    ) external nonReentrant {
        if (call.outputDigest == outputDigest) revert NoContradiction();
        _requireProven(MerkleBatch.leaf(leafId, session.modelDigest, call.inputDigest, outputDigest), slice);
        bytes32 sessionHash = ITypedData(_settlement).hashSession(session);
        bytes32 history = CallReceiptHash.extend(call.history, call.inputDigest, call.outputDigest);
        CallReceipt memory receipt = CallReceipt(sessionHash, call.number, history);
        _requireSigned(session.worker, ITypedData(_settlement).hashCallReceipt(receipt), receiptSignature);
        _punishFalse(sessionHash, session.worker, session.requester, session.settleDeadline);
    }

    /// @inheritdoc ISlashing
    function recordAnswered(bytes32 taskId, address worker) external onlySettlement {
        _closeReport(worker, IReports(_settlement).reportOf(taskId).vouched);
        emit ReportAnswered(taskId, worker);
    }

    /// @inheritdoc ISlashing
    function slashRescued(bytes32 taskId, address worker, address requester, address rescuer)
        external
        onlySettlement
        nonReentrant
    {
        IReports.Report memory report = IReports(_settlement).reportOf(taskId);
        _closeReport(worker, report.vouched);
        _recordMissed(worker);
        emit AwardMissed(taskId, requester, worker);
        if (!_wasStoppedSince(report.answerUntil - ANSWER_WINDOW)) {
            _punish(Fault.Missed, taskId, worker, requester, rescuer);
        }
    }

    /// @inheritdoc ISlashing
    function reportsOf(address worker) public view returns (OpenReports memory) {
        return _reports[worker];
    }

    /// @inheritdoc ISlashing
    function isPunished(bytes32 taskId, Fault fault) external view returns (bool) {
        return _punished[taskId][fault];
    }

    /// @inheritdoc ISlashing
    function penalty() public view virtual returns (uint256);

    /// @dev Tasks that a worker takes at once; 0 when it has no node.
    function _capacityOf(address worker) internal view virtual returns (uint32);

    /// @dev Takes up to `amount` out of a worker's stake; returns what was there.
    function _takeStake(address worker, uint256 amount) internal virtual returns (uint256);

    /// @dev Adds a miss to a worker's record.
    function _recordMissed(address worker) internal virtual;

    function _openReport(Award calldata award, bytes calldata awardSignature, bool vouched) private {
        ++_reports[award.worker].total;
        bytes32 taskId = IReports(_settlement).openReport(award, msg.sender, vouched);
        _requireSigned(award.requester, taskId, awardSignature);
        (address owner, uint256 minFee) = IPayouts(_settlement).marketplace().feeOf(award.modelDigest);
        if (owner == address(0)) revert TermsMismatch(Term.ModelDigest);
        if (award.modelFee < minFee) revert TermsMismatch(Term.ModelFee);
        emit AwardReported(
            taskId, award.requester, award.worker, uint64(block.timestamp) + ANSWER_WINDOW, vouched
        );
    }

    function _closeReport(address worker, bool vouched) private {
        OpenReports storage open = _reports[worker];
        --open.total;
        if (!vouched) --open.unvouched;
    }

    function _punishFalse(Award calldata award, bytes calldata awardSignature, bytes32 taskId) private {
        _requireSigned(award.requester, taskId, awardSignature);
        _punishFalse(taskId, award.worker, award.requester, award.settleDeadline);
    }

    function _punishFalse(bytes32 taskId, address worker, address requester, uint64 settleDeadline) private {
        if (block.timestamp > uint256(settleDeadline) + EVIDENCE_WINDOW) revert EvidenceTooLate(settleDeadline);
        if (_punished[taskId][Fault.FalseResult]) revert AlreadyPunished(taskId, Fault.FalseResult);
        _punish(Fault.FalseResult, taskId, worker, requester, address(0));
    }

    /// @dev Takes the penalty: half is burnt, half goes to the requester, who shares with a rescuer. Odd units are
    /// burnt.
    function _punish(Fault fault, bytes32 taskId, address worker, address requester, address rescuer) private {
        _punished[taskId][fault] = true;
        uint256 amount = _takeStake(worker, penalty());
        uint256 reward = rescuer == address(0) ? 0 : amount / 4;
        uint256 compensation = amount / 2 - reward;
        uint256 burnt = amount - reward - compensation;
        emit Slashed(taskId, worker, fault, amount, burnt, requester, rescuer);
        _burn(burnt);
        if (compensation != 0) _token.safeTransfer(requester, compensation);
        if (reward != 0) _token.safeTransfer(rescuer, reward);
    }

    /// @dev A worker cannot settle while the verifier is stopped, so a stop after `time` excuses it.
    function _wasStoppedSince(uint256 time) private view returns (bool) {
        return IStoppable(address(IProofs(_settlement).zkVerifier())).runningSince() > time;
    }

    function _requireProven(bytes32 leaf, Slice calldata slice) private view {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = leaf;
        bytes32 journalDigest = MerkleBatch.journalDigest(slice.count, MerkleBatch.rootOfSlice(leaves, slice));
        if (!IProofs(_settlement).isProven(journalDigest)) revert LeafNotProven(journalDigest);
    }

    function _requireResult(Award calldata award, Result calldata result, bytes calldata signature)
        private
        view
        returns (bytes32 taskId)
    {
        taskId = ITypedData(_settlement).hashAward(award);
        if (result.taskId != taskId) revert ResultMismatch(result.taskId);
        _requireSigned(award.worker, ITypedData(_settlement).hashResult(result), signature);
    }
}
