// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {Escrow} from "./Escrow.sol";
import {INodeCoordinator} from "./interfaces/INodeCoordinator.sol";
import {IReports} from "./interfaces/IReports.sol";
import {TypedData} from "./TypedData.sol";
import {Award} from "./types/Award.sol";
import {ANSWER_WINDOW, REPORT_WINDOW, RESCUE_WINDOW} from "./types/Windows.sol";

/// @title Money of reported awards, and the nonces that decide who is paid
/// @notice A report sets money aside from its reporter's own escrow, which nobody else can cause. Binds the register of
/// workers, which judges the evidence.
abstract contract Reports is IReports, Escrow, TypedData {
    using BitMaps for BitMaps.BitMap;

    /// @inheritdoc IReports
    INodeCoordinator public immutable override coordinator;

    /// @inheritdoc IReports
    uint256 public override totalReserved;

    mapping(address requester => BitMaps.BitMap) private _nonces;
    mapping(bytes32 taskId => Report) private _reports;

    modifier onlyCoordinator() {
        if (msg.sender != address(coordinator)) revert NotCoordinator(msg.sender);
        _;
    }

    constructor(IERC20 token_, INodeCoordinator coordinator_) {
        IERC20 staked = coordinator_.token();
        if (address(staked) != address(token_)) revert TokenMismatch(token_, staked);
        coordinator = coordinator_;
        coordinator_.bind();
    }

    /// @inheritdoc IReports
    function openReport(Award calldata award, address reporter, bool vouched)
        external
        onlyCoordinator
        nonReentrant
        returns (bytes32 taskId)
    {
        taskId = hashAward(award);
        uint64 deadline = award.settleDeadline;
        if (block.timestamp <= deadline) revert NotYetMissed(deadline);
        if (block.timestamp > uint256(deadline) + REPORT_WINDOW) revert ReportTooLate(deadline);
        if (isNonceUsed(award.requester, award.nonce)) revert NonceAlreadyUsed(award.requester, award.nonce);
        if (_reports[taskId].answerUntil != 0) revert AlreadyReported(taskId);
        // Only what is free: a requested withdrawal is not drawn on by the way.
        uint256 free = freeEscrow(reporter);
        if (award.price > free || award.modelFee > free - award.price) {
            revert AwardNotCovered(reporter, award.price, award.modelFee);
        }
        uint256 amount = award.price + award.modelFee;
        _debit(reporter, amount);
        totalReserved += amount;
        _reports[taskId] = Report(reporter, uint64(block.timestamp) + ANSWER_WINDOW, vouched, true);
    }

    /// @inheritdoc IReports
    function vouchReport(bytes32 taskId) external onlyCoordinator {
        _reports[taskId].vouched = true;
    }

    /// @inheritdoc IReports
    function releaseReport(Award calldata award)
        external
        onlyCoordinator
        nonReentrant
        returns (bytes32 taskId, Report memory report, bool missed)
    {
        taskId = hashAward(award);
        report = _reports[taskId];
        if (!report.open) revert NoOpenReport(taskId);
        uint256 end = uint256(report.answerUntil) + RESCUE_WINDOW;
        if (block.timestamp <= end) revert StillAnswerable(end);
        _reports[taskId].open = false;
        uint256 amount = award.price + award.modelFee;
        totalReserved -= amount;
        _refund(report.reporter, amount);
        missed = !isNonceUsed(award.requester, award.nonce);
    }

    /// @inheritdoc IReports
    function reportOf(bytes32 taskId) external view returns (Report memory) {
        return _reports[taskId];
    }

    /// @inheritdoc IReports
    function isNonceUsed(address requester, uint256 nonce) public view returns (bool) {
        return _nonces[requester].get(nonce);
    }

    /// @dev Whether an expired award may still be settled by its worker.
    function _isAnswerable(bytes32 taskId) internal view returns (bool) {
        Report storage report = _reports[taskId];
        return report.open && block.timestamp <= report.answerUntil;
    }

    /// @dev Reverts unless the award may be rescued now.
    function _requireRescuable(Award calldata award, bytes32 taskId) internal view {
        Report storage report = _reports[taskId];
        if (!report.open) revert NoOpenReport(taskId);
        if (block.timestamp <= report.answerUntil) revert StillAnswerable(report.answerUntil);
        uint256 end = uint256(report.answerUntil) + RESCUE_WINDOW;
        if (block.timestamp > end) revert RescueTooLate(end);
        if (isNonceUsed(award.requester, award.nonce)) revert NonceAlreadyUsed(award.requester, award.nonce);
    }

    /// @dev Uses up the money of an open report.
    function _spendReport(Award calldata award, bytes32 taskId) internal {
        _reports[taskId].open = false;
        totalReserved -= award.price + award.modelFee;
    }

    function _useNonce(address requester, uint256 nonce) internal {
        _nonces[requester].set(nonce);
    }
}
