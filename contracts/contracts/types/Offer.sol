// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

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

/// @notice EIP-712 struct hash of an {Offer}, and its price ramp.
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

    /// @notice The most that the offer pays for a bid made at `time`, rounded down: `priceMin` until `rampStart`,
    /// then rising in a straight line to `priceMax` at `rampEnd`.
    function priceAt(Offer calldata offer, uint64 time) internal pure returns (uint256) {
        if (time <= offer.rampStart || offer.priceMax <= offer.priceMin) return offer.priceMin;
        if (time >= offer.rampEnd) return offer.priceMax;
        // Here rampStart < time < rampEnd, so the span is not zero.
        uint256 rise = Math.mulDiv(
            offer.priceMax - offer.priceMin, time - offer.rampStart, offer.rampEnd - offer.rampStart
        );
        return offer.priceMin + rise;
    }
}
