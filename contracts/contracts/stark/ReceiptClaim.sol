// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Digest of a RISC Zero receipt claim
/// @notice A claim is a tree of structs; each is hashed with SHA-256 over the hash of its name, the digests of its
/// parts, its plain numbers (little-endian u32) and the number of parts (little-endian u16).
/// @dev The structs and their order: risc0-zkvm 3.1.0-rc.1, src/claim/receipt.rs and risc0-binfmt, src/sys_state.rs;
/// the same digest as `ReceiptClaimLib.ok` of RISC Zero's Ethereum contracts.
library ReceiptClaim {
    bytes32 private constant CLAIM_TAG = sha256("risc0.ReceiptClaim");
    bytes32 private constant OUTPUT_TAG = sha256("risc0.Output");
    bytes32 private constant SYSTEM_STATE_TAG = sha256("risc0.SystemState");

    /// @notice The claim that `imageId` ran from its start to exit code Halted(0), read no input that is part of
    /// the claim, relied on no assumptions, and wrote a journal of SHA-256 `journalDigest`.
    function digest(bytes32 imageId, bytes32 journalDigest) internal pure returns (bytes32) {
        bytes32 input = bytes32(0);
        bytes32 assumptions = bytes32(0);
        bytes32 output = sha256(abi.encodePacked(OUTPUT_TAG, journalDigest, assumptions, uint16(2) << 8));
        uint32 halted = 0;
        uint32 userExitCode = 0;
        return sha256(
            abi.encodePacked(
                CLAIM_TAG, input, imageId, haltedState(), output, halted, userExitCode, uint16(4) << 8
            )
        );
    }

    /// @notice Digest of the state in which a halted program ends: program counter 0, memory root 0.
    function haltedState() internal pure returns (bytes32) {
        return sha256(abi.encodePacked(SYSTEM_STATE_TAG, bytes32(0), uint32(0), uint16(1) << 8));
    }
}
