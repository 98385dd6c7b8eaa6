// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Record of how much each model is used
interface IProofOfUse {
    /// @notice What was settled for one model, ever or in one epoch.
    /// @param count Proved and paid inferences.
    /// @param fees Model fees paid, in the smallest unit of JOY.
    struct Use {
        uint64 count;
        uint192 fees;
    }

    /// @notice `count` inferences of `modelDigest` were paid with `fees` in all during `epoch`.
    event UseRecorded(bytes32 indexed modelDigest, uint256 indexed epoch, uint64 count, uint256 fees);

    /// @notice Only the settlement contract records use.
    error NotSettlement(address caller);

    /// @notice An epoch must last at least one second.
    error ZeroEpochLength();

    /// @notice Adds paid inferences of one model to the current epoch.
    /// @dev Only the settlement contract.
    function record(bytes32 modelDigest, uint64 count, uint256 fees) external;

    /// @notice Everything that was settled for a model.
    function useOf(bytes32 modelDigest) external view returns (Use memory);

    /// @notice What was settled for a model in one epoch.
    function useInEpoch(bytes32 modelDigest, uint256 epoch) external view returns (Use memory);

    /// @notice What was settled for all models in one epoch.
    function totalInEpoch(uint256 epoch) external view returns (Use memory);

    /// @notice Number of the running epoch: block time divided by the epoch's length.
    function currentEpoch() external view returns (uint256);

    /// @notice Length of an epoch in seconds.
    function epochLength() external view returns (uint64);
}
