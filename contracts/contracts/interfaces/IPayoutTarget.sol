// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Receiver of JOY for an owner who is not an address
/// @notice What a bridge to a privacy coin implements, so that a credit can be paid out to a stealth address.
interface IPayoutTarget {
    /// @notice Pulls exactly `amount` of JOY from the caller by `transferFrom` and gives it to whoever owns
    /// `stealthAddress`.
    /// @param stealthAddress In the target's own encoding.
    /// @param amount In the smallest unit of JOY; an allowance of exactly this is in place.
    function depositFor(bytes calldata stealthAddress, uint256 amount) external;
}
