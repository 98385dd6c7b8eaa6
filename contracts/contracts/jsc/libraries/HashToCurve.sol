// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Point} from "../../types/Point.sol";
import {Bn254} from "../../libraries/Bn254.sol";

/// @title Hash to bn254's G1 by try and increment
/// @notice For k = 0, 1, ...: x = Keccak(domain, data, k) mod P. The first x for which x^3 + 3 is a square gives the
/// point (x, y) with y even. All that is hashed is public, so the number of tries tells nobody anything.
library HashToCurve {
    /// @notice The roots do not show where the hash ends: one is wrong, missing, too many, or y is odd.
    error InvalidRoots();

    /// @notice Domain of Hp(P), the bases of key images.
    bytes32 internal constant KEY_IMAGE_BASE = keccak256("JSC/v1/key-image-base");

    /// @dev Hp of a one-time key, shown by `roots`: one root for each try. As P = 3 mod 4, exactly one of a = x^3 + 3
    /// and -a is a square, so a root of -a shows that the try was a miss, at a tenth of the gas of a square root. An
    /// even y is demanded because Hp(P) and -Hp(P) would give one note two key images.
    function keyImageBase(Point memory key, uint256[] memory roots) internal pure returns (Point memory) {
        uint256 last = roots.length;
        if (last == 0) revert InvalidRoots();
        for (uint256 k = 0; k < last; ++k) {
            uint256 x = uint256(keccak256(abi.encode(KEY_IMAGE_BASE, key.x, key.y, k))) % Bn254.P;
            uint256 square = addmod(mulmod(mulmod(x, x, Bn254.P), x, Bn254.P), 3, Bn254.P);
            uint256 root = roots[k];
            if (root == 0 || root >= Bn254.P) revert InvalidRoots();
            uint256 squared = mulmod(root, root, Bn254.P);
            if (squared == square) {
                if (k + 1 != last || root & 1 != 0) revert InvalidRoots();
                return Point(x, root);
            }
            if (squared != Bn254.P - square) revert InvalidRoots();
        }
        revert InvalidRoots();
    }

    /// @dev The hash of (domain, index) with square roots taken here; for constructors.
    function derive(bytes32 domain, uint256 index) internal view returns (Point memory) {
        for (uint256 k = 0;; ++k) {
            uint256 x = uint256(keccak256(abi.encode(domain, index, k))) % Bn254.P;
            (bool found, uint256 y) = evenRoot(x);
            if (found) return Point(x, y);
        }
        revert InvalidRoots();
    }

    /// @dev As {keyImageBase} with square roots taken here; for constructors.
    function deriveKeyImageBase(Point memory key) internal view returns (Point memory) {
        for (uint256 k = 0;; ++k) {
            uint256 x = uint256(keccak256(abi.encode(KEY_IMAGE_BASE, key.x, key.y, k))) % Bn254.P;
            (bool found, uint256 y) = evenRoot(x);
            if (found) return Point(x, y);
        }
        revert InvalidRoots();
    }

    /// @dev The even y with y^2 = x^3 + 3, if there is one.
    function evenRoot(uint256 x) private view returns (bool found, uint256 y) {
        uint256 square = addmod(mulmod(mulmod(x, x, Bn254.P), x, Bn254.P), 3, Bn254.P);
        y = Bn254.modExp(square, (Bn254.P + 1) / 4, Bn254.P);
        found = mulmod(y, y, Bn254.P) == square;
        if (y & 1 != 0) y = Bn254.P - y;
    }
}
