// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bn254, ORDER} from "../../libraries/Bn254.sol";
import {RangeTranscript} from "./RangeTranscript.sol";

/// @dev 1/2 mod N.
uint256 constant HALF = 10944121435919637611123202872628637544274182200208017171849102093287904247809;

/// @title The two vectors of generators in the equation of Bulletproofs+
/// @notice Nearly all gas of a private transfer goes here: 2*64*m products, each with one addition.
library GeneratorSum {
    uint256 private constant N = Bn254.N;
    uint256 private constant BITS = 64;

    /// @dev What {_multiply} works on, in the order in which it reads it: few of its variables fit the stack.
    /// @param product Where a product goes, beside `sum`, so that both can be added.
    /// @param distance From G_i to H_i in memory.
    /// @param negativeShift -e^2*z.
    /// @param negativeRight -s1*e.
    /// @param bits Where the e^2*z^(2(j + 1))*2^63*y^(size - 64*(j + 1) + 1) lie: what the highest bit of each amount
    /// gives.
    /// @param left Where the G_i lie, with a word of room behind the last; the H_i likewise.
    /// @param products Where the s_i lie: the product of x^(+-1) by the bits of i.
    /// @param negativeLeft -r1*e*y^-(size - 1).
    /// @param size Number of G_i.
    struct Vectors {
        uint256 productX;
        uint256 productY;
        uint256 sumX;
        uint256 sumY;
        uint256 distance;
        uint256 negativeShift;
        uint256 negativeRight;
        uint256 y;
        uint256 yHalf;
        uint256[4] bits;
        uint256 left;
        uint256 products;
        uint256 negativeLeft;
        uint256 size;
    }

    /// @dev Adds to the sum of {Bn254.newSum} G_i times -(e^2*z + r1*e*y^-i*s_i), and H_i times e^2*(z + d_i*y^(size - i)) -
    /// s1*e*s_(size - 1 - i), where d_i = z^(2(j + 1))*2^k for bit k of amount j. False when a precompile failed.
    /// @param zPowers z^(2(j + 1)).
    function add(
        uint256 sum,
        address[2] memory tables,
        RangeTranscript.Challenges memory challenge,
        uint256[4] memory zPowers,
        uint256 rounds,
        uint256 r1,
        uint256 s1
    ) internal view returns (bool) {
        Vectors memory vectors;
        (vectors.size, vectors.y, vectors.yHalf) = (1 << rounds, challenge.y, mulmod(challenge.y, HALF, N));
        vectors.negativeShift = N - mulmod(challenge.square, challenge.z, N);
        vectors.negativeRight = N - mulmod(s1, challenge.e, N);
        uint256 factor = mulmod(r1, challenge.e, N);
        uint256 power = challenge.yInverse;
        for (uint256 i = 0; i < rounds; ++i) {
            // y^-(size - 1) = y^-(1 + 2 + 4 + ...)
            factor = mulmod(factor, power, N);
            power = mulmod(power, power, N);
        }
        vectors.negativeLeft = N - factor;
        _setBits(vectors, challenge, zPowers);
        vectors.products = _products(challenge, rounds);
        vectors.left = _load(tables[0], vectors.size);
        vectors.distance = _load(tables[1], vectors.size) - vectors.left;
        (vectors.sumX, vectors.sumY) = Bn254.sumOf(sum);
        bool ok = _multiply(vectors);
        Bn254.setSum(sum, vectors.sumX, vectors.sumY);
        return ok;
    }

    function _setBits(
        Vectors memory vectors,
        RangeTranscript.Challenges memory challenge,
        uint256[4] memory zPowers
    ) private pure {
        uint256 y64 = challenge.y;
        for (uint256 i = 1; i < BITS; i <<= 1) {
            y64 = mulmod(y64, y64, N);
        }
        uint256 power = mulmod(mulmod(challenge.square, challenge.y, N), 1 << 63, N);
        for (uint256 j = vectors.size / BITS; j > 0; --j) {
            vectors.bits[j - 1] = mulmod(power, zPowers[j - 1], N);
            power = mulmod(power, y64, N);
        }
    }

    /// @dev Runs from the last index down: a scalar can then be written behind its point, over the point that was used
    /// before.
    function _multiply(Vectors memory vectors) private view returns (bool ok) {
        assembly ("memory-safe") {
            let start := mload(add(vectors, 0x140))
            let size := mload(add(vectors, 0x1a0))
            let left := add(start, shl(6, size))
            let mirrored := mload(add(vectors, 0x160))
            let factor := add(mirrored, shl(5, size))
            let negativeLeft := mload(add(vectors, 0x180))
            let bits := add(mload(add(vectors, 0x120)), shr(1, size))
            ok := 1
            for {} gt(left, start) {} {
                bits := sub(bits, 32)
                let bit := mload(bits)
                for { let last := sub(left, 4096) } gt(left, last) {} {
                    left := sub(left, 64)
                    factor := sub(factor, 32)
                    mstore(
                        add(left, 64),
                        addmod(mulmod(negativeLeft, mload(factor), ORDER), mload(add(vectors, 0xa0)), ORDER)
                    )
                    ok := and(staticcall(gas(), 7, left, 96, vectors, 64), ok)
                    ok := and(staticcall(gas(), 6, vectors, 128, add(vectors, 64), 64), ok)
                    negativeLeft := mulmod(negativeLeft, mload(add(vectors, 0xe0)), ORDER)

                    let right := add(left, mload(add(vectors, 0x80)))
                    // e^2*z is subtracted from the order again; two scalars together have less than 256 bits.
                    mstore(
                        add(right, 64),
                        addmod(
                            mulmod(mload(add(vectors, 0xc0)), mload(mirrored), ORDER),
                            add(bit, sub(ORDER, mload(add(vectors, 0xa0)))),
                            ORDER
                        )
                    )
                    ok := and(staticcall(gas(), 7, right, 96, vectors, 64), ok)
                    ok := and(staticcall(gas(), 6, vectors, 128, add(vectors, 64), 64), ok)
                    mirrored := add(mirrored, 32)
                    bit := mulmod(bit, mload(add(vectors, 0x100)), ORDER)
                }
            }
        }
    }

    /// @dev s_0 is the product of all x^-1; bit b of i stands for round `rounds - 1 - b` and gives a factor x^2.
    function _products(RangeTranscript.Challenges memory challenge, uint256 rounds)
        private
        pure
        returns (uint256 start)
    {
        uint256 first = 1;
        for (uint256 i = 0; i < rounds; ++i) {
            first = mulmod(first, challenge.xInverse[i], N);
        }
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(0x40, add(start, shl(add(rounds, 5), 1)))
            mstore(start, first)
        }
        uint256 end = start + 32;
        for (uint256 round = rounds; round > 0; --round) {
            uint256 factor = mulmod(challenge.x[round - 1], challenge.x[round - 1], N);
            assembly ("memory-safe") {
                let to := end
                for { let from := start } lt(from, end) { from := add(from, 32) } {
                    mstore(to, mulmod(mload(from), factor, ORDER))
                    to := add(to, 32)
                }
                end := to
            }
        }
    }

    function _load(address table, uint256 count) private view returns (uint256 start) {
        assembly ("memory-safe") {
            start := mload(0x40)
            // One word more than the points, where the scalar of the last one goes.
            mstore(0x40, add(start, add(mul(count, 64), 32)))
            extcodecopy(table, start, 1, mul(count, 64))
        }
    }
}
