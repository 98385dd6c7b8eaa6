// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRiscZeroVerifier, Receipt} from "../interfaces/IRiscZeroVerifier.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {ReceiptClaim} from "../stark/ReceiptClaim.sol";
import {Point} from "../types/Point.sol";
import {Groth16Key} from "./Groth16Key.sol";

/// @title Verifier of RISC Zero receipts by their Groth16 proof
/// @notice Accepts what RISC Zero's provers wrap with Groth16, for one release's set of recursion programs. Unlike
/// {StarkVerifier} it rests on a trusted setup: whoever knew the secrets of all who took part in the ceremony of the
/// verification key could prove anything.
/// @dev Groth (2016), eprint 2016/260. A proof of one claim can be turned into other proofs of it, so a seal is no
/// identity. Public inputs: control root and claim, each in two halves, and the control id of the program that checks
/// the STARK within the SNARK.
contract Groth16Verifier is IRiscZeroVerifier {
    using Bn254 for Point;

    /// @notice Four bytes that a seal for this verifier begins with: RISC Zero's, the first of `parameters`.
    bytes4 public immutable SELECTOR;
    /// @notice RISC Zero's digest of control root, control id and verification key.
    bytes32 public immutable parameters;

    /// @dev The public inputs that every claim shares, on the curve.
    uint256 private immutable _sharedX;
    uint256 private immutable _sharedY;

    uint256 private constant SEAL_LENGTH = 4 + 8 * 32;
    uint256 private constant HALF = (1 << 128) - 1;

    /// @notice A seal for another verifier, or for another release.
    error SelectorMismatch(bytes4 received, bytes4 expected);
    /// @notice The control id is no element of the field of the public inputs.
    error InvalidControlId(bytes32 controlId);

    /// @param controlRoot Poseidon2 root of the recursion programs that the release allows.
    /// @param controlId Poseidon-BN254 control id of the release's last program, as its crate writes it.
    constructor(bytes32 controlRoot, bytes32 controlId) {
        uint256 id = _reversed(controlId);
        if (id >= Bn254.N) revert InvalidControlId(controlId);
        parameters = sha256(
            abi.encodePacked(
                sha256("risc0.Groth16ReceiptVerifierParameters"),
                controlRoot,
                controlId,
                Groth16Key.digest(),
                uint16(3) << 8
            )
        );
        SELECTOR = bytes4(parameters);
        uint256 root = _reversed(controlRoot);
        Point memory shared = Point(Groth16Key.IC0_X, Groth16Key.IC0_Y)
            .add(Point(Groth16Key.IC1_X, Groth16Key.IC1_Y).mul(root & HALF))
            .add(Point(Groth16Key.IC2_X, Groth16Key.IC2_Y).mul(root >> 128))
            .add(Point(Groth16Key.IC5_X, Groth16Key.IC5_Y).mul(id));
        (_sharedX, _sharedY) = (shared.x, shared.y);
    }

    /// @inheritdoc IRiscZeroVerifier
    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view {
        _verifyIntegrity(seal, ReceiptClaim.digest(imageId, journalDigest));
    }

    /// @inheritdoc IRiscZeroVerifier
    function verifyIntegrity(Receipt calldata receipt) external view {
        _verifyIntegrity(receipt.seal, receipt.claimDigest);
    }

    function _verifyIntegrity(bytes calldata seal, bytes32 claim) private view {
        bytes4 received = seal.length < 4 ? bytes4(0) : bytes4(seal);
        if (received != SELECTOR) revert SelectorMismatch(received, SELECTOR);
        if (seal.length != SEAL_LENGTH) revert VerificationFailed();
        uint256[8] memory proof = abi.decode(seal[4:], (uint256[8]));
        // The precompile would refuse the negative of an unreduced coordinate only by chance.
        if (proof[1] >= Bn254.P) revert VerificationFailed();

        uint256 digest = _reversed(claim);
        Point memory inputs = Point(_sharedX, _sharedY)
            .add(Point(Groth16Key.IC3_X, Groth16Key.IC3_Y).mul(digest & HALF))
            .add(Point(Groth16Key.IC4_X, Groth16Key.IC4_Y).mul(digest >> 128));

        // e(-A, B) e(alpha, beta) e(inputs, gamma) e(C, delta) = 1
        uint256[24] memory pairs = [
            proof[0], (Bn254.P - proof[1]) % Bn254.P, proof[2], proof[3], proof[4], proof[5],
            Groth16Key.ALPHA_X, Groth16Key.ALPHA_Y,
            Groth16Key.BETA_X1, Groth16Key.BETA_X2, Groth16Key.BETA_Y1, Groth16Key.BETA_Y2,
            inputs.x, inputs.y,
            Groth16Key.GAMMA_X1, Groth16Key.GAMMA_X2, Groth16Key.GAMMA_Y1, Groth16Key.GAMMA_Y2,
            proof[6], proof[7],
            Groth16Key.DELTA_X1, Groth16Key.DELTA_X2, Groth16Key.DELTA_Y1, Groth16Key.DELTA_Y2
        ];
        if (!Bn254.pairing(pairs)) revert VerificationFailed();
    }

    /// @dev The bytes as a little-endian number.
    function _reversed(bytes32 data) private pure returns (uint256 value) {
        for (uint256 i = 0; i < 32; ++i) value |= uint256(uint8(data[i])) << (8 * i);
    }
}
