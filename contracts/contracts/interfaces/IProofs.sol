// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRiscZeroVerifier} from "./IRiscZeroVerifier.sol";

/// @title Proved batches
/// @notice A proof is verified once; what it proves stays known for good.
interface IProofs {
    /// @notice A proof over `count` tasks was accepted.
    event BatchVerified(bytes32 indexed journalDigest, uint256 count);

    /// @notice No accepted proof has this journal.
    error NotProven(bytes32 journalDigest);

    /// @notice Verifies the proof of a batch whose awards are then settled, in any number of transactions, by Merkle
    /// path. Does nothing when the batch is proved already.
    /// @param count Tasks in the batch.
    /// @param root Merkle root of their leaves.
    /// @param seal The proof: the verifier's selector, then its encoding.
    function proveBatch(uint32 count, bytes32 root, bytes calldata seal) external;

    /// @notice Whether a proof was accepted for a journal.
    /// @param journalDigest SHA-256 of the guest's journal.
    function isProven(bytes32 journalDigest) external view returns (bool);

    /// @notice Verifier of all seals.
    function zkVerifier() external view returns (IRiscZeroVerifier);

    /// @notice The guest program whose proofs are accepted.
    function imageId() external view returns (bytes32);
}
