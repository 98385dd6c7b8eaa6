// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Another worker's name for a missed task. Its EIP-712 digest takes the task id's place in the guest's
/// journal, so that the proof pays this worker and nobody who copies it.
/// @param taskId EIP-712 digest of the {Award}.
/// @param worker Who rescues the task and is paid.
struct Rescue {
    bytes32 taskId;
    address worker;
}

/// @notice EIP-712 struct hash of a {Rescue}.
library RescueHash {
    bytes32 internal constant TYPEHASH = keccak256("Rescue(bytes32 taskId,address worker)");

    /// @dev Every field is one word, so the ABI encoding of the struct is `encodeData` of EIP-712.
    function hash(Rescue memory rescue) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, rescue));
    }
}
