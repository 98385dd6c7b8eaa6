// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A requester's contract that wants to be told of its answers
interface IInferenceCallback {
    /// @notice A task of this requester was proved and paid.
    /// @dev Called with the gas that the requester chose; failing has no effect on the settlement.
    /// @param taskId EIP-712 digest of the award.
    /// @param outputDigest SHA-256 of the canonical encoding of the output tensors.
    function onInference(bytes32 taskId, bytes32 outputDigest) external;
}
