// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The precompiled contracts of the curve BN254
/// @notice EIP-196 (addition, multiplication) and EIP-197 (pairing). They refuse coordinates that are not reduced and
/// points that are not on the curve or, in G2, not in the subgroup.
library BN254 {
    /// @notice Order of the field of the coordinates.
    uint256 internal constant FIELD = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// @notice Order of the groups.
    uint256 internal constant ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @notice A precompiled contract refused its input.
    error NotOnCurve();

    /// @notice A point of G1; (0, 0) is the neutral element.
    struct G1 {
        uint256 x;
        uint256 y;
    }

    /// @notice a + b.
    function add(G1 memory a, G1 memory b) internal view returns (G1 memory sum) {
        bool success;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mcopy(input, a, 64)
            mcopy(add(input, 64), b, 64)
            success := staticcall(gas(), 6, input, 128, sum, 64)
        }
        if (!success) revert NotOnCurve();
    }

    /// @notice scalar * a.
    function mul(G1 memory a, uint256 scalar) internal view returns (G1 memory product) {
        bool success;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mcopy(input, a, 64)
            mstore(add(input, 64), scalar)
            success := staticcall(gas(), 7, input, 96, product, 64)
        }
        if (!success) revert NotOnCurve();
    }

    /// @notice Whether the product of the pairings of four pairs is one. Each pair is a point of G1 (two words) and one
    /// of G2 (four words, imaginary parts first).
    function pairing(uint256[24] memory pairs) internal view returns (bool one) {
        bool success;
        assembly ("memory-safe") {
            success := staticcall(gas(), 8, pairs, 768, 0, 32)
            one := mload(0)
        }
        if (!success) revert NotOnCurve();
    }
}
