// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Award} from "../types/Award.sol";
import {INodeCoordinator} from "./INodeCoordinator.sol";

/// @title Money of reported awards
/// @notice From the report of a missed award until it is settled, rescued or closed, its price and model fee are set
/// aside from the escrow of whoever reported it. {INodeCoordinator} judges the evidence, this keeps the money.
interface IReports {
    /// @notice One reported award.
    /// @param reporter Whose escrow the money came from and goes back to.
    /// @param answerUntil Latest time at which the worker may still settle, seconds UTC; 0 when not reported.
    /// @param vouched Whether the worker signed a result, and so must be able to prove it.
    /// @param open Whether the money is still set aside.
    struct Report {
        address reporter;
        uint64 answerUntil;
        bool vouched;
        bool open;
    }

    /// @notice Escrow and stakes must be of one token.
    error TokenMismatch(IERC20 token, IERC20 staked);
    /// @notice Only the register of workers opens and closes reports.
    error NotCoordinator(address caller);
    /// @notice The award can still be settled.
    error NotYetMissed(uint64 settleDeadline);
    /// @notice The time for a report is over.
    error ReportTooLate(uint64 settleDeadline);
    /// @notice The nonce was paid.
    error NonceAlreadyUsed(address requester, uint256 nonce);
    /// @notice The award was reported before.
    error AlreadyReported(bytes32 taskId);
    /// @notice The escrow of `payer` does not hold price and model fee free.
    error AwardNotCovered(address payer, uint256 price, uint256 modelFee);
    /// @notice No report of this award is open.
    error NoOpenReport(bytes32 taskId);
    /// @notice The worker may still answer, or others rescue, until `time`.
    error StillAnswerable(uint256 time);
    /// @notice A rescue is possible only after the worker's time and until `time`.
    error RescueTooLate(uint256 time);

    /// @notice Sets aside `price + modelFee` of an award that its worker missed.
    /// @dev Only the coordinator, when `reporter` itself calls it.
    /// @return taskId EIP-712 digest of the award.
    function openReport(Award calldata award, address reporter, bool vouched) external returns (bytes32 taskId);

    /// @notice Notes that the worker of an open report had signed a result.
    /// @dev Only the coordinator.
    function vouchReport(bytes32 taskId) external;

    /// @notice Gives the money back after the windows for answer and rescue.
    /// @dev Only the coordinator.
    /// @return taskId EIP-712 digest of the award.
    /// @return report As it stood.
    /// @return missed Whether nobody was paid under the award's nonce.
    function releaseReport(Award calldata award)
        external
        returns (bytes32 taskId, Report memory report, bool missed);

    /// @notice The report of an award; all zero when there is none.
    function reportOf(bytes32 taskId) external view returns (Report memory);

    /// @notice All that is set aside for open reports.
    function totalReserved() external view returns (uint256);

    /// @notice Register of workers.
    function coordinator() external view returns (INodeCoordinator);

    /// @notice Whether a nonce of `requester` has paid.
    function isNonceUsed(address requester, uint256 nonce) external view returns (bool);
}
