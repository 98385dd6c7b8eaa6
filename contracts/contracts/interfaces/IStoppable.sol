// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A verifier that can be stopped
/// @notice While it is stopped a worker cannot settle, so it must not be punished for that.
interface IStoppable {
    /// @notice Now while anything is stopped, else when the last stop ended; 0 when there was none. Seconds UTC.
    function lastStoppedAt() external view returns (uint64);
}
