// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRiscZeroVerifier, Receipt} from "../../contracts/interfaces/IRiscZeroVerifier.sol";
import {IStoppable} from "../../contracts/interfaces/IStoppable.sol";

/// @notice For tests that are not about proofs: accepts the one claim that a test has announced, so that a wrong
/// leaf, root, count or image id is still refused. Exists in the tests alone.
contract JournalVerifier is IRiscZeroVerifier, IStoppable {
    bytes4 public constant SELECTOR = 0x7e57c0de;

    mapping(bytes32 claim => bool) private _announced;

    function announce(bytes32 imageId, bytes32 journalDigest) external {
        _announced[keccak256(abi.encode(imageId, journalDigest))] = true;
    }

    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view {
        if (bytes4(seal) != SELECTOR) revert VerificationFailed();
        if (!_announced[keccak256(abi.encode(imageId, journalDigest))]) revert VerificationFailed();
    }

    /// @dev Claims are announced by image id and journal digest alone.
    function verifyIntegrity(Receipt calldata) external pure {
        revert VerificationFailed();
    }

    function runningSince() external pure returns (uint64) {
        return 0;
    }
}
