// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IEscrow} from "./interfaces/IEscrow.sol";
import {MAX_SETTLE_WINDOW} from "./types/Windows.sol";

/// @title Escrow of the requesters
/// @notice The balance of this contract in JOY is at least the sum of all escrows, and equal to it unless somebody
/// sends it JOY unasked.
abstract contract Escrow is IEscrow, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @dev One storage slot; 96 bits hold the whole supply of JOY, 40 bits the seconds of 34,000 years.
    struct Account {
        uint96 balance;
        uint96 requested;
        uint40 availableAt;
        uint24 callbackGas;
    }

    /// @notice Most gas that a callback may have.
    uint24 public constant MAX_CALLBACK_GAS = 50_000;

    /// @inheritdoc IEscrow
    IERC20 public immutable override token;
    /// @inheritdoc IEscrow
    uint64 public immutable override withdrawalDelay;

    mapping(address requester => Account) private _escrows;

    constructor(IERC20 token_, uint64 withdrawalDelay_) {
        if (withdrawalDelay_ <= MAX_SETTLE_WINDOW) {
            revert WithdrawalDelayTooShort(withdrawalDelay_, MAX_SETTLE_WINDOW + 1);
        }
        token = token_;
        withdrawalDelay = withdrawalDelay_;
    }

    /// @inheritdoc IEscrow
    function deposit(uint256 amount) external nonReentrant {
        _deposit(msg.sender, amount);
    }

    /// @inheritdoc IEscrow
    function depositFor(address requester, uint256 amount) external nonReentrant {
        _deposit(requester, amount);
    }

    /// @inheritdoc IEscrow
    function depositWithPermit(uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        // A front-runner may have used the permit: what counts is the allowance, which the transfer checks.
        try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(msg.sender, amount);
    }

    /// @inheritdoc IEscrow
    function requestWithdrawal(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        Account storage account = _escrows[msg.sender];
        if (amount > account.balance) revert InsufficientBalance(amount, account.balance);
        uint64 availableAt = uint64(block.timestamp) + withdrawalDelay;
        account.requested = uint96(amount);
        account.availableAt = uint40(availableAt);
        emit WithdrawalRequested(msg.sender, amount, availableAt);
    }

    /// @inheritdoc IEscrow
    function cancelWithdrawal() external nonReentrant {
        Account storage account = _escrows[msg.sender];
        if (account.requested == 0) revert NoWithdrawalRequested();
        account.requested = 0;
        account.availableAt = 0;
        emit WithdrawalCancelled(msg.sender);
    }

    /// @inheritdoc IEscrow
    function withdraw() external nonReentrant {
        Account storage account = _escrows[msg.sender];
        (uint96 balance, uint96 amount, uint64 availableAt) =
            (account.balance, account.requested, account.availableAt);
        if (amount == 0) revert NoWithdrawalRequested();
        if (block.timestamp < availableAt) revert WithdrawalNotDue(availableAt);
        if (amount > balance) amount = balance;
        account.balance = balance - amount;
        account.requested = 0;
        account.availableAt = 0;
        emit Withdrawn(msg.sender, amount, balance - amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IEscrow
    function setCallbackGas(uint24 gas) external {
        if (gas > MAX_CALLBACK_GAS) revert CallbackGasTooHigh(gas, MAX_CALLBACK_GAS);
        _escrows[msg.sender].callbackGas = gas;
        emit CallbackGasChanged(msg.sender, gas);
    }

    /// @inheritdoc IEscrow
    function callbackGasOf(address requester) public view returns (uint24) {
        return _escrows[requester].callbackGas;
    }

    /// @inheritdoc IEscrow
    function escrowOf(address requester) public view returns (uint256) {
        return _escrows[requester].balance;
    }

    /// @inheritdoc IEscrow
    function freeEscrow(address requester) public view returns (uint256) {
        Account storage account = _escrows[requester];
        return account.balance > account.requested ? account.balance - account.requested : 0;
    }

    /// @inheritdoc IEscrow
    function withdrawalOf(address requester) external view returns (uint256 amount, uint64 availableAt) {
        Account storage account = _escrows[requester];
        return (account.requested, account.availableAt);
    }

    /// @dev Whether the escrow holds `price + modelFee`, for any two words.
    function _covers(address requester, uint256 price, uint256 modelFee) internal view returns (bool) {
        uint256 balance = _escrows[requester].balance;
        return price <= balance && modelFee <= balance - price;
    }

    /// @dev Takes out what {_covers} has checked, so `amount` is at most the balance.
    function _debit(address requester, uint256 amount) internal {
        _escrows[requester].balance -= uint96(amount);
    }

    /// @dev Puts back what {_debit} took out and nobody was paid.
    function _refund(address requester, uint256 amount) internal {
        _escrows[requester].balance += uint96(amount);
    }

    function _deposit(address requester, uint256 amount) private {
        if (amount == 0) revert ZeroAmount();
        Account storage account = _escrows[requester];
        uint256 balance = account.balance + amount;
        account.balance = balance.toUint96();
        emit Deposited(requester, amount, balance);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }
}
