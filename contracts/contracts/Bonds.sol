// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IBonds} from "./interfaces/IBonds.sol";
import {IEscrow} from "./interfaces/IEscrow.sol";
import {IReports} from "./interfaces/IReports.sol";
import {ITypedData} from "./interfaces/ITypedData.sol";
import {Award} from "./types/Award.sol";
import {MAX_EXPOSURE} from "./types/Windows.sol";

/// @title Bonds of requesters
/// @notice A bond goes back to its owner after the unbonding delay, or is taken by evidence of over-commitment.
abstract contract Bonds is IBonds, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @dev One storage slot.
    struct Bond {
        uint96 amount;
        uint64 withdrawableAt;
    }

    IERC20 internal immutable _token;
    uint64 internal immutable _unbondingDelay;
    /// @dev Set once, by {NodeCoordinator-bind}.
    address internal _settlement;

    mapping(address requester => Bond) private _bonds;

    constructor(IERC20 token_, uint64 unbondingDelay_) {
        if (unbondingDelay_ <= MAX_EXPOSURE) revert UnbondingDelayTooShort(unbondingDelay_, MAX_EXPOSURE + 1);
        _token = token_;
        _unbondingDelay = unbondingDelay_;
    }

    /// @inheritdoc IBonds
    function bond(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        Bond storage own = _bonds[msg.sender];
        uint256 total = own.amount + amount;
        own.amount = total.toUint96();
        emit Bonded(msg.sender, amount, total);
        _token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IBonds
    function unbond() external {
        Bond storage own = _bonds[msg.sender];
        if (own.amount == 0) revert NoBond(msg.sender);
        if (own.withdrawableAt != 0) revert StillBonded(own.withdrawableAt);
        uint64 withdrawableAt = uint64(block.timestamp) + _unbondingDelay;
        own.withdrawableAt = withdrawableAt;
        emit Unbonding(msg.sender, withdrawableAt);
    }

    /// @inheritdoc IBonds
    function rebond() external {
        Bond storage own = _bonds[msg.sender];
        if (own.withdrawableAt == 0) revert NotUnbonding(msg.sender);
        own.withdrawableAt = 0;
        emit UnbondingCancelled(msg.sender);
    }

    /// @inheritdoc IBonds
    function withdrawBond() external nonReentrant {
        Bond memory own = _bonds[msg.sender];
        if (own.withdrawableAt == 0) revert NotUnbonding(msg.sender);
        if (block.timestamp < own.withdrawableAt) revert StillBonded(own.withdrawableAt);
        delete _bonds[msg.sender];
        emit BondWithdrawn(msg.sender, own.amount);
        _token.safeTransfer(msg.sender, own.amount);
    }

    /// @inheritdoc IBonds
    function reportOvercommitted(Award[] calldata awards, bytes[] calldata signatures) external nonReentrant {
        if (awards.length == 0 || awards.length != signatures.length) {
            revert AwardsMismatch(awards.length, signatures.length);
        }
        address requester = awards[0].requester;
        uint256 forfeited = _bonds[requester].amount;
        if (forfeited == 0) revert NoBond(requester);
        uint256 promised;
        uint256 prices;
        for (uint256 i = 0; i < awards.length; ++i) {
            _requireOutstanding(awards, signatures, i);
            // Saturating: an amount that no escrow can hold is over-commitment, not a reason to revert.
            promised = Math.saturatingAdd(promised, Math.saturatingAdd(awards[i].price, awards[i].modelFee));
            prices = Math.saturatingAdd(prices, awards[i].price);
        }
        uint256 escrow = IEscrow(_settlement).escrowOf(requester);
        if (promised <= escrow) revert Covered(promised, escrow);
        delete _bonds[requester];
        uint256 burnt = forfeited - _compensate(awards, forfeited / 2, prices);
        emit Overcommitted(requester, promised, escrow, forfeited, burnt);
        _burn(burnt);
    }

    /// @inheritdoc IBonds
    function bondOf(address requester) external view returns (uint256 amount, uint64 withdrawableAt) {
        Bond storage own = _bonds[requester];
        return (own.amount, own.withdrawableAt);
    }

    /// @dev Destroys JOY of this contract.
    function _burn(uint256 amount) internal {
        if (amount != 0) ERC20Burnable(address(_token)).burn(amount);
    }

    /// @dev Whether `signature` is that of `signer`; reverts if not.
    function _requireSigned(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (!ITypedData(_settlement).isSignedBy(signer, digest, signature)) revert InvalidSignature(signer);
    }

    /// @dev Shares `amount` among the workers by price, rounded down; returns what was paid.
    function _compensate(Award[] calldata awards, uint256 amount, uint256 prices) private returns (uint256 paid) {
        if (prices == 0) return 0;
        for (uint256 i = 0; i < awards.length; ++i) {
            address worker = awards[i].worker;
            // With saturated prices the shares could add up to more than there is.
            uint256 share = Math.min(Math.mulDiv(amount, awards[i].price, prices), amount - paid);
            // What nobody could take out again is burnt.
            if (share == 0 || worker == address(0) || worker == address(this)) continue;
            paid += share;
            _token.safeTransfer(worker, share);
        }
    }

    function _requireOutstanding(Award[] calldata awards, bytes[] calldata signatures, uint256 i) private view {
        Award calldata award = awards[i];
        bool counts = award.requester == awards[0].requester && block.timestamp <= award.settleDeadline
            && (i == 0 || award.nonce > awards[i - 1].nonce)
            && !IReports(_settlement).isNonceUsed(award.requester, award.nonce);
        if (!counts) revert AwardNotOutstanding(i);
        _requireSigned(award.requester, ITypedData(_settlement).hashAward(award), signatures[i]);
    }
}
