// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {GeneratorTable} from "./GeneratorTable.sol";
import {IRangeVerifier} from "./interfaces/IRangeVerifier.sol";
import {GeneratorSum} from "./libraries/GeneratorSum.sol";
import {RangeTranscript} from "./libraries/RangeTranscript.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Point} from "../types/Point.sol";

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

    /// @dev `points` is where the proof lies in memory, `sum` the buffer of {Bn254.newSum}, `padded` the number of
    /// commitments rounded up to a power of two, `zPowers` the z^(2(j + 1)).
    struct State {
        uint256 points;
        uint256 sum;
        uint256 rounds;
        uint256 padded;
        uint256 r1;
        uint256 s1;
        uint256 d1;
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
        RangeTranscript.Challenges memory challenge;
        bool ok;
        (ok, challenge) = RangeTranscript.derive(_statement(commitments), state.points, state.rounds);
        if (!ok) return false;
        state.sum = Bn254.newSum();
        ok = _addProof(state, challenge);
        ok = _addCommitments(state, challenge, commitments) && ok;
        ok = _addGenerators(state, challenge) && ok;
        (uint256 x, uint256 y) = Bn254.sumOf(state.sum);
        return ok && x == 0 && y == 0;
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
        state.d1 = _word(start, 2 * points + 2);
        return state.r1 < N && state.s1 < N && state.d1 < N;
    }

    /// @dev Everything that a proof is about, before the first of its points.
    function _statement(Point[] calldata commitments) private view returns (bytes32) {
        bytes memory packed = new bytes(commitments.length * 64);
        assembly ("memory-safe") {
            calldatacopy(add(packed, 32), commitments.offset, mul(commitments.length, 64))
        }
        return keccak256(abi.encodePacked(DOMAIN, generatorsDigest, BITS, commitments.length, packed));
    }

    /// @dev B + e^2*A + e*A1 - d1*G + e^2*sum(x^2*L + x^-2*R).
    function _addProof(State memory state, RangeTranscript.Challenges memory challenge) private view returns (bool ok) {
        (uint256 sum, uint256 points, uint256 square) = (state.sum, state.points, challenge.square);
        Bn254.setSum(sum, _word(points, 4), _word(points, 5));
        ok = Bn254.mulAdd(sum, points, square);
        ok = Bn254.mulAdd(sum, points + 64, challenge.e) && ok;
        points += 192;
        for (uint256 i = 0; i < state.rounds; ++i) {
            (uint256 x, uint256 inverse) = (challenge.x[i], challenge.xInverse[i]);
            ok = Bn254.mulAdd(sum, points, mulmod(square, mulmod(x, x, N), N)) && ok;
            ok = Bn254.mulAdd(sum, points + 64, mulmod(square, mulmod(inverse, inverse, N), N)) && ok;
            points += 128;
        }
        ok = Bn254.mulAdd(sum, Bn254.store(1, 2), N - state.d1) && ok;
    }

    /// @dev e^2*y^(size + 1)*sum(z^(2(j + 1))*V_j); and H. Fills `zPowers`.
    function _addCommitments(
        State memory state,
        RangeTranscript.Challenges memory challenge,
        Point[] calldata commitments
    ) private view returns (bool ok) {
        (uint256 top, uint256 powerSum) = _powers(challenge.y, state.rounds);
        top = mulmod(top, challenge.square, N);
        uint256 zSquare = mulmod(challenge.z, challenge.z, N);
        uint256 power = 1;
        uint256 zSum;
        ok = true;
        for (uint256 j = 0; j < state.padded; ++j) {
            power = mulmod(power, zSquare, N);
            state.zPowers[j] = power;
            zSum = addmod(zSum, power, N);
            if (j < commitments.length) {
                uint256 source = Bn254.store(commitments[j].x, commitments[j].y);
                ok = Bn254.mulAdd(state.sum, source, mulmod(top, power, N)) && ok;
            }
        }
        // H: e^2*((z - z^2)*sum(y^i) - z*y^(size + 1)*(2^64 - 1)*sum(z^(2(j + 1)))) - r1*s1*y
        uint256 minus = mulmod(mulmod(challenge.z, top, N), mulmod(zSum, type(uint64).max, N), N);
        minus = addmod(minus, mulmod(mulmod(state.r1, state.s1, N), challenge.y, N), N);
        uint256 plus = mulmod(challenge.square, addmod(challenge.z, N - zSquare, N), N);
        plus = mulmod(plus, powerSum, N);
        uint256 amountBase = Bn254.store(Bn254.H_X, Bn254.H_Y);
        ok = Bn254.mulAdd(state.sum, amountBase, addmod(plus, N - minus, N)) && ok;
    }

    function _addGenerators(State memory state, RangeTranscript.Challenges memory challenge)
        private
        view
        returns (bool)
    {
        address[2] memory tables = [address(leftTable), address(rightTable)];
        return GeneratorSum.add(state.sum, tables, challenge, state.zPowers, state.rounds, state.r1, state.s1);
    }

    /// @dev y^(size + 1); and y + y^2 + ... + y^size, as y*(1 + y)*(1 + y^2)*(1 + y^4)*...
    function _powers(uint256 y, uint256 rounds) private pure returns (uint256 top, uint256 sum) {
        (top, sum) = (y, y);
        for (uint256 i = 0; i < rounds; ++i) {
            sum = mulmod(sum, addmod(top, 1, N), N);
            top = mulmod(top, top, N);
        }
        top = mulmod(top, y, N);
    }

    function _word(uint256 start, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(start, mul(index, 32)))
        }
    }
}
