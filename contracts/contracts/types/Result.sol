// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A worker's signed answer to one task.
/// @param taskId EIP-712 digest of the {Award}.
/// @param outputDigest SHA-256 of the canonical encoding of the output tensors.
struct Result {
    bytes32 taskId;
    bytes32 outputDigest;
}

using ResultHash for Result global;

/// @notice EIP-712 struct hash of a {Result}.
library ResultHash {
    bytes32 internal constant TYPEHASH = keccak256("Result(bytes32 taskId,bytes32 outputDigest)");

    /// @dev Every field is one word, so the ABI encoding of the struct is `encodeData` of EIP-712.
    function hash(Result calldata result) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, result));
    }
}
