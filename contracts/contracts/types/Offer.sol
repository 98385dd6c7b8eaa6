// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A requester's signed wish to have one inference run. Gossiped, never sent to the chain unless a worker
/// is reported.
/// @param requester Who pays.
/// @param modelDigest SHA-256 of the ONNX file.
/// @param inputDigest SHA-256 of the canonical encoding of the input tensors.
/// @param priceMin Price at `rampStart`, in the smallest unit of `payToken`.
/// @param priceMax Price at `rampEnd`.
/// @param rampStart When the price begins to rise, seconds UTC.
/// @param rampEnd When the price stops rising, seconds UTC.
/// @param resultDeadline Latest time of the answer, seconds UTC.
/// @param settleDeadline Latest time of the settlement, seconds UTC.
/// @param minStake Stake that a bidding worker must hold.
/// @param payToken The token of all amounts.
/// @param nonce Unordered; pays once per requester.
struct Offer {
    address requester;
    bytes32 modelDigest;
    bytes32 inputDigest;
    uint256 priceMin;
    uint256 priceMax;
    uint64 rampStart;
    uint64 rampEnd;
    uint64 resultDeadline;
    uint64 settleDeadline;
    uint256 minStake;
    address payToken;
    uint256 nonce;
}

using OfferHash for Offer global;

/// @notice EIP-712 struct hash of an {Offer}.
library OfferHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Offer(address requester,bytes32 modelDigest,bytes32 inputDigest,uint256 priceMin,uint256 priceMax,"
        "uint64 rampStart,uint64 rampEnd,uint64 resultDeadline,uint64 settleDeadline,uint256 minStake,"
        "address payToken,uint256 nonce)"
    );

    /// @dev Every field is one word, so the ABI encoding of the struct is `encodeData` of EIP-712.
    function hash(Offer calldata offer) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, offer));
    }
}
