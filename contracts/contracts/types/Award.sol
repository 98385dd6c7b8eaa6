// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A requester's signed order to one worker. Its EIP-712 digest is the task id.
/// @param offerHash EIP-712 digest of the {Offer}.
/// @param bidHash EIP-712 digest of the {Bid} that is accepted.
/// @param requester Who signs and whose escrow pays `price + modelFee`.
/// @param worker Who is paid `price` less the protocol fee.
/// @param modelDigest SHA-256 of the ONNX file.
/// @param inputDigest SHA-256 of the canonical encoding of the input tensors.
/// @param price In the smallest unit of JOY.
/// @param modelFee For the model's owner, on top of the price.
/// @param resultDeadline Latest time of the answer, seconds UTC.
/// @param settleDeadline Latest time of the settlement, seconds UTC.
/// @param nonce Unordered; pays once per requester.
struct Award {
    bytes32 offerHash;
    bytes32 bidHash;
    address requester;
    address worker;
    bytes32 modelDigest;
    bytes32 inputDigest;
    uint256 price;
    uint256 modelFee;
    uint64 resultDeadline;
    uint64 settleDeadline;
    uint256 nonce;
}

using AwardHash for Award global;

/// @notice EIP-712 struct hash of an {Award}.
library AwardHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Award(bytes32 offerHash,bytes32 bidHash,address requester,address worker,bytes32 modelDigest,"
        "bytes32 inputDigest,uint256 price,uint256 modelFee,uint64 resultDeadline,uint64 settleDeadline,"
        "uint256 nonce)"
    );

    /// @dev Every field is one word, so the ABI encoding of the struct is `encodeData` of EIP-712.
    function hash(Award calldata award) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, award));
    }
}
