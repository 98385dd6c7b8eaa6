// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "../../libraries/Bn254.sol";

/// @title Challenges of a Bulletproofs+ proof
/// @notice Each depends on the statement and on every point before it; none may be zero.
/// @dev A proof lies in memory as A, A1, B, then L and R of each round, 64 bytes each.
library RangeTranscript {
    /// @dev All are mod N. `square` is e^2; `x` has one challenge a round.
    struct Challenges {
        uint256 y;
        uint256 z;
        uint256 e;
        uint256 square;
        uint256 yInverse;
        uint256[8] x;
        uint256[8] xInverse;
    }

    uint256 private constant N = Bn254.N;

    /// @dev The challenges of the proof at `points`, from the hash of the statement; false when one is zero.
    function derive(bytes32 statement, uint256 points, uint256 rounds)
        internal
        view
        returns (bool ok, Challenges memory found)
    {
        bytes32 hash = _absorb(statement, points, 64);
        found.y = uint256(hash) % N;
        hash = keccak256(abi.encode(hash));
        found.z = uint256(hash) % N;
        ok = found.y != 0 && found.z != 0;
        for (uint256 i = 0; i < rounds; ++i) {
            hash = _absorb(hash, points + 192 + i * 128, 128);
            uint256 x = uint256(hash) % N;
            ok = ok && x != 0;
            found.x[i] = x;
        }
        found.e = uint256(_absorb(hash, points + 64, 128)) % N;
        found.square = mulmod(found.e, found.e, N);
        ok = ok && found.e != 0;
        if (ok) _invert(found, rounds);
    }

    /// @dev Inverses of y and of the rounds' challenges with one exponentiation.
    function _invert(Challenges memory found, uint256 rounds) private view {
        uint256[8] memory products;
        uint256 product = found.y;
        for (uint256 i = 0; i < rounds; ++i) {
            products[i] = product;
            product = mulmod(product, found.x[i], N);
        }
        uint256 inverse = Bn254.modExp(product, N - 2, N);
        for (uint256 i = rounds; i > 0; --i) {
            found.xInverse[i - 1] = mulmod(inverse, products[i - 1], N);
            inverse = mulmod(inverse, found.x[i - 1], N);
        }
        found.yInverse = inverse;
    }

    function _absorb(bytes32 hash, uint256 start, uint256 length) private pure returns (bytes32 next) {
        assembly ("memory-safe") {
            // The state is hashed in front of what is absorbed: in the free memory, which is left free.
            let free := mload(0x40)
            mstore(free, hash)
            mcopy(add(free, 32), start, length)
            next := keccak256(free, add(length, 32))
        }
    }
}
