// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IEscrow} from "../interfaces/IEscrow.sol";
import {IPayoutTarget} from "../interfaces/IPayoutTarget.sol";
import {IJSC} from "./interfaces/IJSC.sol";
import {IJSCBridge} from "./interfaces/IJSCBridge.sol";
import {IRangeVerifier} from "./interfaces/IRangeVerifier.sol";
import {JSC} from "./JSC.sol";
import {StealthNote} from "./types/Note.sol";
import {Payment} from "./types/Transaction.sol";

/// @title Way of JOY into and out of the pool of private notes
/// @notice Its balance in JOY is at least `outstanding` units, and equal unless somebody sends it JOY unasked. Has no
/// owner: JOY leaves only by a transaction that the pool has verified.
/// @dev Deploys {JSC} itself, so that each knows the other from its first block on.
contract JSCBridge is IJSCBridge, IPayoutTarget, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice JOY of one unit, in its smallest unit: the supply is 10^18 units and fits 64 bits.
    uint256 public constant UNIT = 1 gwei;

    /// @inheritdoc IJSCBridge
    IJSC public immutable override pool;
    /// @inheritdoc IJSCBridge
    IERC20 public immutable override token;
    /// @inheritdoc IJSCBridge
    IEscrow public immutable override escrow;
    /// @inheritdoc IJSCBridge
    uint256 public immutable override cap;

    /// @inheritdoc IJSCBridge
    uint256 public override outstanding;

    /// @param escrow_ Settlement contract; its token is the bridge's.
    /// @param rangeVerifier Verifier of range proofs.
    /// @param cap_ Most units that the pool may hold: a limit to what a broken curve could cost.
    /// @param minAge Blocks that a full bin waits before rings may use it.
    constructor(IEscrow escrow_, IRangeVerifier rangeVerifier, uint256 cap_, uint64 minAge) {
        escrow = escrow_;
        token = escrow_.token();
        cap = cap_;
        pool = new JSC(rangeVerifier, minAge);
    }

    /// @inheritdoc IJSCBridge
    function deposit(StealthNote[] calldata notes, uint64[] calldata amounts) external nonReentrant {
        uint256 units;
        for (uint256 i = 0; i < amounts.length; ++i) {
            units += amounts[i];
        }
        _deposit(units);
        pool.mint(notes, amounts);
    }

    /// @inheritdoc IPayoutTarget
    /// @dev `stealthAddress` is an encoded {StealthNote}; the amount must be a multiple of `UNIT`.
    function depositFor(bytes calldata stealthAddress, uint256 amount) external nonReentrant {
        uint256 units = amount / UNIT;
        if (units * UNIT != amount || units > type(uint64).max) revert InvalidAmount(amount);
        StealthNote[] memory notes = new StealthNote[](1);
        uint64[] memory amounts = new uint64[](1);
        (notes[0], amounts[0]) = (abi.decode(stealthAddress, (StealthNote)), uint64(units));
        _deposit(units);
        pool.mint(notes, amounts);
    }

    /// @inheritdoc IJSCBridge
    function release(bytes32 jscTransaction, Payment calldata payment) external {
        if (msg.sender != address(pool)) revert NotPool(msg.sender);
        if (payment.fee != 0) {
            _release(payment.relayer, jscTransaction, payment.fee, false);
            token.safeTransfer(payment.relayer, payment.fee * UNIT);
        }
        if (payment.amount != 0) {
            uint256 amount = payment.amount * UNIT;
            _release(payment.recipient, jscTransaction, payment.amount, payment.toEscrow);
            if (payment.toEscrow) {
                token.forceApprove(address(escrow), amount);
                escrow.depositFor(payment.recipient, amount);
            } else {
                token.safeTransfer(payment.recipient, amount);
            }
        }
    }

    function _deposit(uint256 units) private {
        if (units == 0) revert ZeroAmount();
        uint256 total = outstanding + units;
        if (total > cap) revert CapExceeded(total, cap);
        outstanding = total;
        emit Deposited(msg.sender, units, total);
        token.safeTransferFrom(msg.sender, address(this), units * UNIT);
    }

    function _release(address to, bytes32 jscTransaction, uint256 units, bool toEscrow) private {
        outstanding -= units;
        emit Released(to, jscTransaction, units, toEscrow, outstanding);
    }
}
