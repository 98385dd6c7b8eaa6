// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Something that a pauser can stop
interface IStoppable {
    /// @notice Since when nothing was stopped, seconds UTC; the largest number while something is.
    /// @dev Nobody may lose stake for a deadline that a stop can have kept it from.
    function runningSince() external view returns (uint64);
}
