// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Point} from "../types/Point.sol";

/// @dev Order of the group, as a constant that assembly takes.
uint256 constant ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

/// @title Arithmetic in bn254 with the precompiles of EIP-196 and EIP-197
/// @dev A precompile that is given a bad point burns all gas it got: who must not be made to pay for that checks points
/// with {isOnCurve} before.
library Bn254 {
    /// @notice Modulus of coordinates.
    uint256 internal constant P = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// @notice Order of the group, modulus of scalars.
    uint256 internal constant N = ORDER;
    /// @notice Base of amounts, HashToCurve of the domain "JSC/v1/value" and zero.
    uint256 internal constant H_X = 14086160586621349339062044943192136163156415057485930512228624736273953263843;
    /// @notice The y of the base of amounts.
    uint256 internal constant H_Y = 4402584290871352663877802244210026287956780128232435016064738949470610858666;

    /// @notice A precompile failed: coordinates not reduced, a point not on the curve or, in G2, not in the subgroup.
    error PrecompileFailed();

    /// @dev Whether coordinates are canonical and on y^2 = x^3 + 3. G1's cofactor is 1, so the point is in the group.
    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        return x < P && y < P && mulmod(y, y, P) == addmod(mulmod(mulmod(x, x, P), x, P), 3, P);
    }

    /// @dev See the other {isOnCurve}.
    function isOnCurve(Point calldata point) internal pure returns (bool) {
        return isOnCurve(point.x, point.y);
    }

    /// @dev Makes room for {mulAdd} and sets its sum to the identity.
    /// @return buffer Where the room begins; the sum stays at `buffer + 160`.
    function newSum() internal pure returns (uint256 buffer) {
        assembly ("memory-safe") {
            buffer := mload(0x40)
            mstore(0x40, add(buffer, 224))
            mstore(add(buffer, 160), 0)
            mstore(add(buffer, 192), 0)
        }
    }

    /// @dev The sum of `buffer`.
    function sumOf(uint256 buffer) internal pure returns (uint256 x, uint256 y) {
        assembly ("memory-safe") {
            x := mload(add(buffer, 160))
            y := mload(add(buffer, 192))
        }
    }

    /// @dev Sets the sum of `buffer`.
    function setSum(uint256 buffer, uint256 x, uint256 y) internal pure {
        assembly ("memory-safe") {
            mstore(add(buffer, 160), x)
            mstore(add(buffer, 192), y)
        }
    }

    /// @dev Writes a point to memory, for {mulAdd}.
    function store(uint256 x, uint256 y) internal pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(0x40, add(start, 64))
            mstore(start, x)
            mstore(add(start, 32), y)
        }
    }

    /// @dev Adds `scalar` times the point in memory at `source` to the sum of `buffer`. False when a precompile failed.
    function mulAdd(uint256 buffer, uint256 source, uint256 scalar) internal view returns (bool ok) {
        assembly ("memory-safe") {
            mcopy(buffer, source, 64)
            mstore(add(buffer, 64), scalar)
            let product := add(buffer, 96)
            ok := staticcall(gas(), 7, buffer, 96, product, 64)
            ok := and(ok, staticcall(gas(), 6, product, 128, add(buffer, 160), 64))
        }
    }

    /// @dev left + right.
    function add(Point memory left, Point memory right) internal view returns (Point memory sum) {
        bool ok;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mcopy(free, left, 64)
            mcopy(add(free, 64), right, 64)
            ok := staticcall(gas(), 6, free, 128, sum, 64)
        }
        if (!ok) revert PrecompileFailed();
    }

    /// @dev scalar * point.
    function mul(Point memory point, uint256 scalar) internal view returns (Point memory product) {
        bool ok;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mcopy(free, point, 64)
            mstore(add(free, 64), scalar)
            ok := staticcall(gas(), 7, free, 96, product, 64)
        }
        if (!ok) revert PrecompileFailed();
    }

    /// @dev Whether the product of the pairings of four pairs is one. Each pair is a point of G1 (two words) and one of G2
    /// (four words, imaginary parts first).
    function pairing(uint256[24] memory pairs) internal view returns (bool one) {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), 8, pairs, 768, 0, 32)
            one := mload(0)
        }
        if (!ok) revert PrecompileFailed();
    }

    /// @dev base^exponent mod modulus (EIP-198).
    function modExp(uint256 base, uint256 exponent, uint256 modulus) internal view returns (uint256 power) {
        bool ok;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, 32)
            mstore(add(free, 32), 32)
            mstore(add(free, 64), 32)
            mstore(add(free, 96), base)
            mstore(add(free, 128), exponent)
            mstore(add(free, 160), modulus)
            ok := staticcall(gas(), 5, free, 192, 0, 32)
            power := mload(0)
        }
        if (!ok) revert PrecompileFailed();
    }
}
