// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A requester's signed order of many small calls to one worker. Its EIP-712 digest is the session hash.
/// @param requester Who signs, and whose escrow pays `openingFee` once and `price + modelFee` for each call.
/// @param worker Who answers and is paid, less the protocol fee.
/// @param modelDigest SHA-256 of the ONNX file.
/// @param price Of one call, in the smallest unit of JOY.
/// @param modelFee Of one call, for the model's holders, on top of the price.
/// @param openingFee Due with the first call: what the settlement costs the worker in gas, so that a session which is
/// left after one call pays for itself.
/// @param mostCalls At most `MAX_SESSION_CALLS`.
/// @param settleDeadline Latest time of a settlement, seconds UTC.
/// @param nonce Tells sessions of equal terms apart.
struct SessionAward {
    address requester;
    address worker;
    bytes32 modelDigest;
    uint256 price;
    uint256 modelFee;
    uint256 openingFee;
    uint32 mostCalls;
    uint64 settleDeadline;
    uint256 nonce;
}

using SessionAwardHash for SessionAward global;

/// @notice EIP-712 struct hash of a {SessionAward}.
library SessionAwardHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "SessionAward(address requester,address worker,bytes32 modelDigest,uint256 price,uint256 modelFee,"
        "uint256 openingFee,uint32 mostCalls,uint64 settleDeadline,uint256 nonce)"
    );

    /// @dev Every field is one word, so the ABI encoding of the struct is `encodeData` of EIP-712.
    function hash(SessionAward calldata session) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, session));
    }
}
