// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a requester signs with each call of a session: it pays for all calls up to and with this one.
/// @param sessionHash EIP-712 digest of the {SessionAward}.
/// @param calls How many calls are paid.
/// @param history Of the answers that the requester has got (see {CallReceipt}): all but that of the last call, or
/// all of them when `inputDigest` is zero.
/// @param inputDigest SHA-256 of the last call's input; zero when it was answered too, and nothing is asked.
struct Voucher {
    bytes32 sessionHash;
    uint32 calls;
    bytes32 history;
    bytes32 inputDigest;
}

using VoucherHash for Voucher global;

/// @notice EIP-712 struct hash of a {Voucher}.
library VoucherHash {
    bytes32 internal constant TYPEHASH =
        keccak256("Voucher(bytes32 sessionHash,uint32 calls,bytes32 history,bytes32 inputDigest)");

    /// @dev Every field is one word, so the ABI encoding of the struct is `encodeData` of EIP-712.
    function hash(Voucher calldata voucher) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, voucher));
    }
}
