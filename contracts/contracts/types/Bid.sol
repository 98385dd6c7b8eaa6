// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A worker's signed promise to take an offer at a price.
/// @param offerHash EIP-712 digest of the {Offer}.
/// @param worker Who promises and is paid.
/// @param price What the worker asks, in the smallest unit of the offer's token.
/// @param madeAt When the bid was made, seconds UTC; the offer's ramp pays `price` at that time.
/// @param resultBy When the worker will have answered, seconds UTC.
/// @param validUntil Latest time of an award, seconds UTC.
struct Bid {
    bytes32 offerHash;
    address worker;
    uint256 price;
    uint64 madeAt;
    uint64 resultBy;
    uint64 validUntil;
}

using BidHash for Bid global;

/// @notice EIP-712 struct hash of a {Bid}.
library BidHash {
    bytes32 internal constant TYPEHASH = keccak256(
        "Bid(bytes32 offerHash,address worker,uint256 price,uint64 madeAt,uint64 resultBy,uint64 validUntil)"
    );

    /// @dev Every field is one word, so the ABI encoding of the struct is `encodeData` of EIP-712.
    function hash(Bid calldata bid) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, bid));
    }
}
