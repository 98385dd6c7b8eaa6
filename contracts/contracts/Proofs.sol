// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IProofs} from "./interfaces/IProofs.sol";
import {IRiscZeroVerifier} from "./interfaces/IRiscZeroVerifier.sol";
import {MerkleBatch} from "./libraries/MerkleBatch.sol";

/// @title Proved batches
/// @notice Which journals of the guest a proof was accepted for. Nothing is ever taken back.
abstract contract Proofs is IProofs, ReentrancyGuardTransient {
    /// @inheritdoc IProofs
    IRiscZeroVerifier public immutable override zkVerifier;
    /// @inheritdoc IProofs
    bytes32 public immutable override imageId;

    mapping(bytes32 journalDigest => bool) private _proven;

    constructor(IRiscZeroVerifier zkVerifier_, bytes32 imageId_) {
        zkVerifier = zkVerifier_;
        imageId = imageId_;
    }

    /// @inheritdoc IProofs
    function proveBatch(uint32 count, bytes32 root, bytes calldata seal) external nonReentrant {
        _prove(count, root, seal);
    }

    /// @inheritdoc IProofs
    function isProven(bytes32 journalDigest) public view returns (bool) {
        return _proven[journalDigest];
    }

    /// @dev Returns once the batch is proved, by this seal or an earlier one.
    function _prove(uint256 count, bytes32 root, bytes calldata seal) internal {
        bytes32 journalDigest = MerkleBatch.journalDigest(count, root);
        if (_proven[journalDigest]) return;
        zkVerifier.verify(seal, imageId, journalDigest);
        _proven[journalDigest] = true;
        emit BatchVerified(journalDigest, count);
    }

    /// @dev Reverts unless the batch is proved.
    function _requireProven(uint256 count, bytes32 root) internal view {
        bytes32 journalDigest = MerkleBatch.journalDigest(count, root);
        if (!_proven[journalDigest]) revert NotProven(journalDigest);
    }
}
