// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a worker signs with each answer of a session: these are all answers up to this one.
/// @param sessionHash EIP-712 digest of the {SessionAward}.
/// @param calls How many calls are answered.
/// @param history Digest of all inputs and answers, see {CallReceiptHash-extend}.
struct CallReceipt {
    bytes32 sessionHash;
    uint32 calls;
    bytes32 history;
}

using CallReceiptHash for CallReceipt global;

/// @notice EIP-712 struct hash of a {CallReceipt}, and the history that it signs.
library CallReceiptHash {
    bytes32 internal constant TYPEHASH =
        keccak256("CallReceipt(bytes32 sessionHash,uint32 calls,bytes32 history)");

    /// @dev Every field is one word, so the ABI encoding of the struct is `encodeData` of EIP-712.
    function hash(CallReceipt memory receipt) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, receipt));
    }

    /// @notice The history after one more call. That of no call is the session hash.
    function extend(bytes32 history, bytes32 inputDigest, bytes32 outputDigest) internal pure returns (bytes32) {
        return keccak256(abi.encode(history, inputDigest, outputDigest));
    }
}
