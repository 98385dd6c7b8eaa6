// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Award} from "../types/Award.sol";

/// @title Bonds of requesters
/// @notice What a requester stands to lose when it signs more awards than its escrow covers. Nothing demands a bond;
/// workers see it and decide.
interface IBonds {
    /// @notice `amount` was added; the bond of `requester` is now `bond`.
    event Bonded(address indexed requester, uint256 amount, uint256 bond);
    /// @notice The bond may be withdrawn at `withdrawableAt`; until then it can be lost.
    event Unbonding(address indexed requester, uint64 withdrawableAt);
    /// @notice The bond stays.
    event UnbondingCancelled(address indexed requester);
    /// @notice The bond was paid out.
    event BondWithdrawn(address indexed requester, uint256 amount);
    /// @notice A requester had signed `promised` while its escrow held `escrow`, and lost its bond: `burnt` is gone,
    /// the rest went to the workers.
    event Overcommitted(address indexed requester, uint256 promised, uint256 escrow, uint256 bond, uint256 burnt);

    /// @notice The amount is zero.
    error ZeroAmount();
    /// @notice Unbonding must take longer than all evidence about a promise can.
    error UnbondingDelayTooShort(uint64 delay, uint64 minimum);
    /// @notice The requester has no bond.
    error NoBond(address requester);
    /// @notice The bond is not on its way out.
    error NotUnbonding(address requester);
    /// @notice The stake or bond is bonded until `withdrawableAt`.
    error StillBonded(uint64 withdrawableAt);
    /// @notice Awards and signatures must be equally many, at least one.
    error AwardsMismatch(uint256 awards, uint256 signatures);
    /// @notice The award at `index` does not count: it is another requester's, its nonce is not above that of the one
    /// before it, it has expired, or it was paid.
    error AwardNotOutstanding(uint256 index);
    /// @notice The signature is not that of `signer`.
    error InvalidSignature(address signer);
    /// @notice The escrow covers all these awards.
    error Covered(uint256 promised, uint256 escrow);

    /// @notice Adds approved JOY to the caller's bond.
    function bond(uint256 amount) external;

    /// @notice Starts the way out of the caller's bond, which takes the unbonding delay.
    function unbond() external;

    /// @notice Keeps a bond that is on its way out.
    function rebond() external;

    /// @notice Pays out the caller's bond after the delay.
    function withdrawBond() external;

    /// @notice Takes the bond of a requester whose outstanding awards exceed its escrow. Anyone may show it: half of
    /// the bond is burnt, half is shared by the workers of these awards in proportion to their prices.
    /// @dev An award is outstanding while it is unpaid and its settle deadline has not passed. Awards with one nonce
    /// exclude each other, so one for each nonce counts. A requester that signs only what its escrow less the
    /// requested withdrawal covers, can never be caught: whatever lowers the escrow pays one of its awards, was its own
    /// withdrawal, or its own report.
    /// @param awards Of one requester, in strictly ascending order of their nonces.
    /// @param signatures Of the requester, one for each award.
    function reportOvercommitted(Award[] calldata awards, bytes[] calldata signatures) external;

    /// @notice The bond of a requester.
    /// @return amount In the smallest unit of JOY.
    /// @return withdrawableAt When it may be withdrawn, seconds UTC; 0 while it stays.
    function bondOf(address requester) external view returns (uint256 amount, uint64 withdrawableAt);
}
