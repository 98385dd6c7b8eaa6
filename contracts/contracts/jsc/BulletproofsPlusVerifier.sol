// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {GeneratorTable} from "./GeneratorTable.sol";
import {IRangeVerifier} from "./interfaces/IRangeVerifier.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Point} from "../types/Point.sol";

/// @dev {Bn254.N} once more, as assembly takes literals alone.
uint256 constant ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

/// @title Aggregated Bulletproofs+ for amounts of 64 bits
/// @notice Chung, Han, Ju, Kim, Seo, eprint 2020/735. Names follow section 4 of the paper. A proof is A, A1, B, then L
/// and R of each round, 64 bytes each, then r1, s1, d1.
/// @dev One equation is checked: the sum of all points of proof, statement and generators, each times its scalar, is
/// the identity. Two vectors of 64*m generators dominate: 2*64*m of about 2*64*m + 2*log(64*m) + m + 5 products.
contract BulletproofsPlusVerifier is IRangeVerifier {
    bytes32 private constant DOMAIN = keccak256("JSC/v1/bulletproofs+");
    uint256 private constant BITS = 64;
    uint256 private constant MAX_OUTPUTS = 4;
    uint256 private constant N = Bn254.N;

    /// @notice The vector G_i.
    GeneratorTable public immutable leftTable;
    /// @notice The vector H_i.
    GeneratorTable public immutable rightTable;
    /// @notice Keccak of G, H and both vectors; every transcript begins with it.
    bytes32 public immutable generatorsDigest;

    /// @dev All scalars are mod N. `points` is where the proof lies in memory, `products`, `left` and `right` where the
    /// s_i and the generators lie. {_sumGenerators} reads the words by their place.
    struct State {
        uint256 points;
        uint256 sum;
        uint256 rounds;
        uint256 size;
        uint256 padded;
        uint256 y;
        uint256 z;
        uint256 e;
        uint256 square;
        uint256 yInverse;
        uint256 r1;
        uint256 s1;
        uint256 products;
        uint256 squareZ;
        uint256 left;
        uint256 right;
        uint256[8] x;
        uint256[8] xInverse;
        uint256[MAX_OUTPUTS] zPowers;
    }

    constructor() {
        leftTable = new GeneratorTable(keccak256("JSC/v1/bulletproofs+/G"), BITS * MAX_OUTPUTS);
        rightTable = new GeneratorTable(keccak256("JSC/v1/bulletproofs+/H"), BITS * MAX_OUTPUTS);
        bytes memory left = address(leftTable).code;
        bytes memory right = address(rightTable).code;
        // Without the zero byte that stands before the points.
        bytes32 domain = keccak256("JSC/v1/generators");
        bytes memory all = new bytes(160 + left.length + right.length - 2);
        assembly ("memory-safe") {
            mstore(add(all, 32), domain)
            mstore(add(all, 64), 1)
            mstore(add(all, 96), 2)
            let count := sub(mload(left), 1)
            mcopy(add(all, 192), add(left, 33), count)
            mcopy(add(add(all, 192), count), add(right, 33), count)
        }
        (uint256 hx, uint256 hy) = (Bn254.H_X, Bn254.H_Y);
        assembly ("memory-safe") {
            mstore(add(all, 128), hx)
            mstore(add(all, 160), hy)
        }
        generatorsDigest = keccak256(all);
    }

    /// @inheritdoc IRangeVerifier
    function verify(Point[] calldata commitments, bytes calldata proof) external view returns (bool) {
        State memory state;
        if (!_read(state, commitments, proof)) return false;
        if (!_challenges(state, commitments, proof)) return false;
        _invert(state);
        bool ok = _addProof(state);
        ok = _addCommitments(state, commitments) && ok;
        ok = _addGenerators(state) && ok;
        uint256 sum = state.sum;
        bool zero;
        assembly ("memory-safe") {
            zero := iszero(or(mload(add(sum, 160)), mload(add(sum, 192))))
        }
        return ok && zero;
    }

    /// @dev Checks lengths, scalars and that every point is on the curve, and copies the proof to memory.
    function _read(State memory state, Point[] calldata commitments, bytes calldata proof)
        private
        pure
        returns (bool)
    {
        uint256 count = commitments.length;
        if (count == 0 || count > MAX_OUTPUTS) return false;
        state.padded = count == 3 ? 4 : count;
        state.size = BITS * state.padded;
        state.rounds = count == 1 ? 6 : count == 2 ? 7 : 8;
        uint256 points = 3 + 2 * state.rounds;
        if (proof.length != points * 64 + 96) return false;
        for (uint256 i = 0; i < count; ++i) {
            if (!Bn254.isOnCurve(commitments[i])) return false;
        }
        uint256 start;
        assembly ("memory-safe") {
            start := mload(0x40)
            calldatacopy(start, proof.offset, proof.length)
            mstore(0x40, add(start, proof.length))
        }
        for (uint256 i = 0; i < points; ++i) {
            (uint256 x, uint256 y) = (_word(start, 2 * i), _word(start, 2 * i + 1));
            if (!Bn254.isOnCurve(x, y)) return false;
        }
        (state.points, state.r1, state.s1) = (start, _word(start, 2 * points), _word(start, 2 * points + 1));
        return state.r1 < N && state.s1 < N && _word(start, 2 * points + 2) < N;
    }

    /// @dev Derives all challenges; false when one is zero.
    function _challenges(State memory state, Point[] calldata commitments, bytes calldata)
        private
        view
        returns (bool)
    {
        bytes32 hash = keccak256(abi.encodePacked(DOMAIN, generatorsDigest, BITS, commitments.length, _pack(commitments)));
        uint256 points = state.points;
        hash = _absorb(hash, points, 64);
        state.y = uint256(hash) % N;
        hash = keccak256(abi.encode(hash));
        state.z = uint256(hash) % N;
        if (state.y == 0 || state.z == 0) return false;
        for (uint256 i = 0; i < state.rounds; ++i) {
            hash = _absorb(hash, points + 192 + i * 128, 128);
            state.x[i] = uint256(hash) % N;
            if (state.x[i] == 0) return false;
        }
        state.e = uint256(_absorb(hash, points + 64, 128)) % N;
        state.square = mulmod(state.e, state.e, N);
        return state.e != 0;
    }

    /// @dev Inverses of y and of the rounds' challenges with one exponentiation.
    function _invert(State memory state) private view {
        uint256 rounds = state.rounds;
        uint256[8] memory products;
        uint256 product = state.y;
        for (uint256 i = 0; i < rounds; ++i) {
            products[i] = product;
            product = mulmod(product, state.x[i], N);
        }
        uint256 inverse = Bn254.modExp(product, N - 2, N);
        for (uint256 i = rounds; i > 0; --i) {
            state.xInverse[i - 1] = mulmod(inverse, products[i - 1], N);
            inverse = mulmod(inverse, state.x[i - 1], N);
        }
        state.yInverse = inverse;
    }

    /// @dev e^2*A + e*A1 + B - d1*G + e^2*sum(x^2*L + x^-2*R).
    function _addProof(State memory state) private view returns (bool ok) {
        uint256 sum = Bn254.newSum();
        uint256 points = state.points;
        state.sum = sum;
        ok = Bn254.mulAdd(sum, points, state.square);
        ok = Bn254.mulAdd(sum, points + 64, state.e) && ok;
        ok = Bn254.mulAdd(sum, points + 128, 1) && ok;
        points += 192;
        for (uint256 i = 0; i < state.rounds; ++i) {
            ok = Bn254.mulAdd(sum, points, mulmod(state.square, mulmod(state.x[i], state.x[i], N), N)) && ok;
            uint256 inverse = state.xInverse[i];
            ok = Bn254.mulAdd(sum, points + 64, mulmod(state.square, mulmod(inverse, inverse, N), N)) && ok;
            points += 128;
        }
        ok = Bn254.mulAdd(sum, _point(1, 2), N - _word(points, 2)) && ok;
    }

    /// @dev e^2*y^(size + 1)*sum(z^(2(j + 1))*V_j); and H. Fills `zPowers` and multiplies s1 by e.
    function _addCommitments(State memory state, Point[] calldata commitments) private view returns (bool ok) {
        uint256 top = state.y;
        for (uint256 i = 0; i < state.rounds; ++i) {
            top = mulmod(top, top, N);
        }
        top = mulmod(mulmod(top, state.y, N), state.square, N);
        uint256 zSquare = mulmod(state.z, state.z, N);
        uint256 power = 1;
        ok = true;
        for (uint256 j = 0; j < state.padded; ++j) {
            power = mulmod(power, zSquare, N);
            state.zPowers[j] = power;
            if (j < commitments.length) {
                uint256 source = _point(commitments[j].x, commitments[j].y);
                ok = Bn254.mulAdd(state.sum, source, mulmod(top, power, N)) && ok;
            }
        }
        uint256 zSum;
        for (uint256 j = 0; j < state.padded; ++j) {
            zSum = addmod(zSum, state.zPowers[j], N);
        }
        // H: e^2*((z - z^2)*sum(y^i) - z*y^(size + 1)*(2^64 - 1)*sum(z^(2(j + 1)))) - r1*s1*y
        uint256 minus = mulmod(mulmod(state.z, top, N), mulmod(zSum, type(uint64).max, N), N);
        minus = addmod(minus, mulmod(mulmod(state.r1, state.s1, N), state.y, N), N);
        state.s1 = mulmod(state.s1, state.e, N);
        uint256 plus = mulmod(state.square, addmod(state.z, N - zSquare, N), N);
        plus = mulmod(plus, _powerSum(state), N);
        ok = Bn254.mulAdd(state.sum, _point(Bn254.H_X, Bn254.H_Y), addmod(plus, N - minus, N)) && ok;
    }

    /// @dev The generators: G_i times -(e^2*z + r1*e*y^-i*s_i), H_i times e^2*(z + d_i*y^(size - i)) - s1*e*s_(size-1-i),
    /// where s_i is the product of x^(+-1) by the bits of i.
    function _addGenerators(State memory state) private view returns (bool ok) {
        uint256 size = state.size;
        uint256 leftFactor = mulmod(state.r1, state.e, N);
        uint256 power = state.yInverse;
        for (uint256 i = 1; i < size; i <<= 1) {
            // y^-(size - 1) = y^-(1 + 2 + 4 + ...)
            leftFactor = mulmod(leftFactor, power, N);
            power = mulmod(power, power, N);
        }
        state.squareZ = mulmod(state.square, state.z, N);
        state.products = _products(state);
        state.left = _load(address(leftTable), size);
        state.right = _load(address(rightTable), size);
        return _sumGenerators(state, leftFactor);
    }

    /// @dev The loop that takes nearly all gas. Runs from the last index down: both powers of y then grow by one factor,
    /// and a scalar can be written behind its point, over the point that was used before.
    function _sumGenerators(State memory state, uint256 leftFactor) private view returns (bool ok) {
        uint256 yUp = state.square;
        assembly ("memory-safe") {
            // Words of `state`, in the order of the struct.
            let accumulator := add(mload(add(state, 0x20)), 160)
            let product := sub(accumulator, 64)
            let i := mload(add(state, 0x60))
            let point := add(mload(add(state, 0x1c0)), mul(i, 64))
            let back := sub(mload(add(state, 0x1e0)), mload(add(state, 0x1c0)))
            let factor := mload(add(state, 0x180))
            ok := 1
            for {} i {} {
                i := sub(i, 1)
                point := sub(point, 64)
                let scalar := mulmod(leftFactor, mload(add(factor, mul(i, 32))), ORDER)
                mstore(add(point, 64), sub(ORDER, addmod(mload(add(state, 0x1a0)), scalar, ORDER)))
                ok := and(ok, staticcall(gas(), 7, point, 96, product, 64))
                ok := and(ok, staticcall(gas(), 6, product, 128, accumulator, 64))
                leftFactor := mulmod(leftFactor, mload(add(state, 0xa0)), ORDER)

                yUp := mulmod(yUp, mload(add(state, 0xa0)), ORDER)
                scalar := mulmod(mload(add(mload(add(state, 0x240)), mul(shr(6, i), 32))), shl(and(i, 63), 1), ORDER)
                scalar := addmod(mload(add(state, 0x1a0)), mulmod(scalar, yUp, ORDER), ORDER)
                {
                    let mirrored := mload(add(factor, mul(sub(sub(mload(add(state, 0x60)), 1), i), 32)))
                    scalar := addmod(scalar, sub(ORDER, mulmod(mload(add(state, 0x160)), mirrored, ORDER)), ORDER)
                }
                mstore(add(add(point, back), 64), scalar)
                ok := and(ok, staticcall(gas(), 7, add(point, back), 96, product, 64))
                ok := and(ok, staticcall(gas(), 6, product, 128, accumulator, 64))
            }
        }
    }

    /// @dev s_0 is the product of all x^-1; bit b of i stands for round `rounds - 1 - b` and gives a factor x^2.
    function _products(State memory state) private pure returns (uint256 start) {
        uint256 size = state.size;
        uint256 first = 1;
        for (uint256 i = 0; i < state.rounds; ++i) {
            first = mulmod(first, state.xInverse[i], N);
        }
        uint256 modulus = N;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(0x40, add(start, mul(size, 32)))
            mstore(start, first)
        }
        uint256 round = state.rounds;
        for (uint256 half = 1; half < size; half <<= 1) {
            --round;
            uint256 factor = mulmod(state.x[round], state.x[round], N);
            assembly ("memory-safe") {
                let bytes_ := mul(half, 32)
                for { let from := start } lt(from, add(start, bytes_)) { from := add(from, 32) } {
                    mstore(add(from, bytes_), mulmod(mload(from), factor, modulus))
                }
            }
        }
    }

    /// @dev y + y^2 + ... + y^size, as y*(1 + y)*(1 + y^2)*(1 + y^4)*...
    function _powerSum(State memory state) private pure returns (uint256 found) {
        uint256 power = state.y;
        found = power;
        for (uint256 i = 0; i < state.rounds; ++i) {
            found = mulmod(found, addmod(power, 1, N), N);
            power = mulmod(power, power, N);
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

    function _point(uint256 x, uint256 y) private pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(0x40, add(start, 64))
            mstore(start, x)
            mstore(add(start, 32), y)
        }
    }

    function _word(uint256 start, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(start, mul(index, 32)))
        }
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

    function _pack(Point[] calldata points) private pure returns (bytes memory packed) {
        packed = new bytes(points.length * 64);
        assembly ("memory-safe") {
            calldatacopy(add(packed, 32), points.offset, mul(points.length, 64))
        }
    }
}
