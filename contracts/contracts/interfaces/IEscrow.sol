// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Escrow of the requesters
/// @notice JOY that a requester has set aside for signed awards. It leaves only by settlement or, after a delay
/// longer than the longest settle window, by withdrawal.
interface IEscrow {
    /// @notice `amount` was added; the escrow of `requester` is now `balance`.
    event Deposited(address indexed requester, uint256 amount, uint256 balance);
    /// @notice `amount` may be withdrawn at `availableAt`; until then awards can still spend it.
    event WithdrawalRequested(address indexed requester, uint256 amount, uint64 availableAt);
    /// @notice The open withdrawal request was taken back.
    event WithdrawalCancelled(address indexed requester);
    /// @notice `amount` was paid out; the escrow of `requester` is now `balance`.
    event Withdrawn(address indexed requester, uint256 amount, uint256 balance);

    /// @notice `requester` wants to be told of its answers with this much gas each; 0 for not at all.
    event CallbackGasChanged(address indexed requester, uint24 gas);

    /// @notice The amount is zero.
    error ZeroAmount();
    /// @notice The withdrawal delay must be longer than the longest settle window.
    error WithdrawalDelayTooShort(uint64 delay, uint64 minimum);
    /// @notice The escrow holds less than was asked for.
    error InsufficientBalance(uint256 amount, uint256 balance);
    /// @notice No withdrawal was requested.
    error NoWithdrawalRequested();
    /// @notice The requested withdrawal is not due yet.
    error WithdrawalNotDue(uint64 availableAt);
    /// @notice More gas than a callback may have.
    error CallbackGasTooHigh(uint24 gas, uint24 maximum);

    /// @notice Adds approved JOY of the caller to the caller's escrow.
    function deposit(uint256 amount) external;

    /// @notice Adds approved JOY of the caller to the escrow of `requester`, who alone can spend or withdraw it.
    function depositFor(address requester, uint256 amount) external;

    /// @notice Adds JOY of the caller to the caller's escrow with an EIP-2612 permit for this contract and amount.
    /// @dev A permit that someone else has already submitted does no harm: the allowance is then in place.
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Announces a withdrawal; replaces an open request and starts the delay anew.
    function requestWithdrawal(uint256 amount) external;

    /// @notice Takes back the open withdrawal request.
    function cancelWithdrawal() external;

    /// @notice Pays out the requested amount once it is due, or what awards have left of it.
    function withdraw() external;

    /// @notice Asks for a call of {IInferenceCallback} at the caller after each of its settled tasks.
    /// @param gas What each call gets, at most `MAX_CALLBACK_GAS`; whoever settles pays for it. 0 for no calls.
    function setCallbackGas(uint24 gas) external;

    /// @notice Gas that `requester` asked for with each callback; 0 when it wants none.
    function callbackGasOf(address requester) external view returns (uint24);

    /// @notice All JOY in the escrow of `requester`, requested withdrawals included.
    function escrowOf(address requester) external view returns (uint256);

    /// @notice What a worker may count on: the escrow less the requested withdrawal.
    function freeEscrow(address requester) external view returns (uint256);

    /// @notice The open withdrawal request of `requester`; all zero when none.
    function withdrawalOf(address requester) external view returns (uint256 amount, uint64 availableAt);

    /// @notice The token of all amounts: JOY.
    function token() external view returns (IERC20);

    /// @notice Seconds between a withdrawal request and its due time.
    function withdrawalDelay() external view returns (uint64);
}
