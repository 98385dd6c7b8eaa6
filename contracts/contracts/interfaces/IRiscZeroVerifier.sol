// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A seal and the digest of the claim that it proves.
struct Receipt {
    bytes seal;
    bytes32 claimDigest;
}

/// @title Verifier of RISC Zero receipts
/// @notice The calling convention of RISC Zero's own verifiers, so that either side can use the other's.
interface IRiscZeroVerifier {
    /// @notice The seal does not prove the claim.
    error VerificationFailed();

    /// @notice Returns when `seal` proves that `imageId` halted with exit code 0, no assumptions and a journal of
    /// SHA-256 `journalDigest`; reverts otherwise.
    /// @param seal First four bytes: the verifier's selector; then the proof in that verifier's encoding.
    /// @param imageId The guest program.
    /// @param journalDigest SHA-256 of the journal.
    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view;

    /// @notice Returns when the receipt's seal proves its claim, whatever the claim says; reverts otherwise.
    /// @param receipt Seal with selector, and the digest of the claim.
    function verifyIntegrity(Receipt calldata receipt) external view;
}
