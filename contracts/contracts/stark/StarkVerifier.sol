// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRiscZeroVerifier, Receipt} from "../interfaces/IRiscZeroVerifier.sol";
import {ReceiptClaim} from "./ReceiptClaim.sol";
import {StarkCode} from "./StarkCode.sol";
import {StarkDeployment} from "./StarkDeployment.sol";

/// @title Verifier of RISC Zero receipts by their STARK
/// @notice Checks the proof of the last recursion program, made with Keccak-256 as its hash function. There is no
/// trusted setup, and after construction nothing can be changed.
/// @dev The check itself is generated code (docs/onchain-verifier.md). The constructor takes that code as an
/// argument and compares it with hashes compiled into this contract, so a wrong deployment reverts.
contract StarkVerifier is IRiscZeroVerifier {
    /// @notice Four bytes that a seal for this verifier begins with.
    bytes4 public immutable SELECTOR;

    /// @notice The generated entry: calldata claim (32 bytes) and seal, returns the control id or reverts.
    address public immutable sealVerifier;

    /// @notice Whether a recursion program may be the outermost one. A control id is the Merkle root, under
    /// Keccak-256, of the program's code columns.
    mapping(bytes32 controlId => bool) public isAllowed;

    /// @notice A seal for another verifier, or for another set of programs.
    error SelectorMismatch(bytes4 received, bytes4 expected);

    /// @notice Control ids have to be given in strictly ascending order, at least one.
    error ControlIdsNotAscending();

    /// @param parts The deployed constraint contracts, in order.
    /// @param sealVerifierCode SealVerifier's creation code; this contract creates it.
    /// @param controlIds The programs to allow, strictly ascending.
    constructor(address[] memory parts, bytes memory sealVerifierCode, bytes32[] memory controlIds) {
        StarkDeployment.requireParts(parts);
        bytes32 previous;
        for (uint256 i = 0; i < controlIds.length; ++i) {
            if (controlIds[i] <= previous) revert ControlIdsNotAscending();
            previous = controlIds[i];
            isAllowed[controlIds[i]] = true;
        }
        if (previous == 0) revert ControlIdsNotAscending();
        SELECTOR = selectorOf(controlIds);

        sealVerifier = StarkDeployment.create(sealVerifierCode, StarkCode.SEAL_VERIFIER, parts);
    }

    /// @inheritdoc IRiscZeroVerifier
    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view {
        _verifyIntegrity(seal, ReceiptClaim.digest(imageId, journalDigest));
    }

    /// @inheritdoc IRiscZeroVerifier
    function verifyIntegrity(Receipt calldata receipt) external view {
        _verifyIntegrity(receipt.seal, receipt.claimDigest);
    }

    /// @notice The claim that `verify` demands a proof of.
    /// @param imageId The guest program.
    /// @param journalDigest SHA-256 of the journal.
    function claimDigest(bytes32 imageId, bytes32 journalDigest) external pure returns (bytes32) {
        return ReceiptClaim.digest(imageId, journalDigest);
    }

    /// @notice The selector of a verifier with these programs: the first four bytes of keccak256 over
    /// "p2pnode.StarkVerifier.v2", the inner control root and the control ids in ascending order.
    function selectorOf(bytes32[] memory controlIds) public pure returns (bytes4) {
        return bytes4(
            keccak256(abi.encodePacked("p2pnode.StarkVerifier.v2", StarkCode.INNER_CONTROL_ROOT, controlIds))
        );
    }

    function _verifyIntegrity(bytes calldata seal, bytes32 claim) private view {
        bytes4 received = seal.length < 4 ? bytes4(0) : bytes4(seal);
        if (received != SELECTOR) revert SelectorMismatch(received, SELECTOR);
        if (!isAllowed[_provenBy(claim, seal[4:])]) revert VerificationFailed();
    }

    /// @dev Control id of the program that proves the claim. The seal is copied once, behind free memory.
    function _provenBy(bytes32 claim, bytes calldata seal) private view returns (bytes32 controlId) {
        address target = sealVerifier;
        bool success;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore(buffer, claim)
            calldatacopy(add(buffer, 32), seal.offset, seal.length)
            success := staticcall(gas(), target, buffer, add(seal.length, 32), 0, 32)
            success := and(success, eq(returndatasize(), 32))
            controlId := mload(0)
        }
        if (!success) revert VerificationFailed();
    }
}
