// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice One call of a session, with what its {CallReceipt} follows from.
/// @param number From 1.
/// @param history Before it.
/// @param inputDigest SHA-256 of the input.
/// @param outputDigest SHA-256 of what the worker answered.
struct Call {
    uint32 number;
    bytes32 history;
    bytes32 inputDigest;
    bytes32 outputDigest;
}
