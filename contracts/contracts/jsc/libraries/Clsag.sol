// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Point} from "../../types/Point.sol";
import {Input, RING} from "../types/Transaction.sol";
import {Bn254, ORDER} from "../../libraries/Bn254.sol";

/// @title CLSAG, Monero's linkable ring signature
/// @notice Concise Linkable Ring Signatures (eprint 2019/654) over bn254. A valid signature shows that its maker knows,
/// for one member of the ring, p with P = p*G and z with C - C' = z*G, and that the key image is p*Hp(P).
library Clsag {
    bytes32 private constant RING_DOMAIN = keccak256("JSC/v1/clsag/ring");
    bytes32 private constant KEY_DOMAIN = keccak256("JSC/v1/clsag/aggregate/key");
    bytes32 private constant COMMITMENT_DOMAIN = keccak256("JSC/v1/clsag/aggregate/commitment");
    bytes32 private constant ROUND_DOMAIN = keccak256("JSC/v1/clsag/round");

    // A member is P, C, Hp(P) in 192 bytes; I, D and C' follow the members as they are hashed with them.
    uint256 private constant FIXED = RING * 192;

    /// @dev What is fixed for the whole ring.
    /// @param members Where the ring lies in memory.
    /// @param buffers Where {_round} works, see there.
    struct Layout {
        uint256 members;
        uint256 buffers;
        uint256 muKey;
        uint256 muCommitment;
    }

    /// @dev Whether the signature of `input` on `message` holds. The members must be notes of the pool, and I, D and C'
    /// on the curve; scalars are checked here.
    function verify(Input calldata input, bytes32 message) internal view returns (bool) {
        if (input.challenge >= Bn254.N) return false;
        (Layout memory ring, bool ok) = _prepare(input, message);
        uint256 challenge = input.challenge;
        for (uint256 i = 0; i < RING; ++i) {
            uint256 response = input.responses[i];
            if (response >= Bn254.N) return false;
            bool done;
            (done, challenge) = _round(ring, i, response, challenge);
            if (challenge == 0) return false;
            ok = done && ok;
        }
        return ok && challenge == input.challenge;
    }

    /// @dev Copies what is hashed and multiplied to memory and derives what is fixed for the whole ring.
    function _prepare(Input calldata input, bytes32 message) private view returns (Layout memory ring, bool ok) {
        uint256 members;
        uint256 buffers;
        (bytes32 domain, uint256 fixedSize) = (RING_DOMAIN, FIXED);
        bytes32 digest;
        assembly ("memory-safe") {
            // The word before the members is for the domain.
            let start := mload(0x40)
            members := add(start, 32)
            let images := add(members, fixedSize)
            buffers := add(images, 192)
            mstore(0x40, add(buffers, 768))
            mstore(start, domain)
            // Input begins with 4 + 4 words; after the members come I, C' and D of two words each.
            let source := add(input, 256)
            calldatacopy(members, source, fixedSize)
            source := add(source, fixedSize)
            calldatacopy(images, source, 64)
            calldatacopy(add(images, 64), add(source, 128), 64)
            calldatacopy(add(images, 128), add(source, 64), 64)
            digest := keccak256(start, add(fixedSize, 224))
        }
        (ring.members, ring.buffers) = (members, buffers);
        ring.muKey = uint256(keccak256(abi.encode(KEY_DOMAIN, digest))) % Bn254.N;
        ring.muCommitment = uint256(keccak256(abi.encode(COMMITMENT_DOMAIN, digest))) % Bn254.N;
        uint256 sum = Bn254.newSum();
        ok = Bn254.mulAdd(sum, members + FIXED, ring.muKey);
        ok = Bn254.mulAdd(sum, members + FIXED + 64, ring.muCommitment) && ok;
        Point memory negated = Point(input.pseudoOut.x, Bn254.P - input.pseudoOut.y);
        Point memory combined;
        (combined.x, combined.y) = Bn254.sumOf(sum);
        _fill(buffers, combined, negated, digest, message);
    }

    /// @dev Writes the parts of {_round}'s buffers that stay. `combined` is I~ = mu_P*I + mu_C*D.
    function _fill(uint256 buffers, Point memory combined, Point memory negated, bytes32 digest, bytes32 message)
        private
        pure
    {
        bytes32 domain = ROUND_DOMAIN;
        assembly ("memory-safe") {
            mstore(buffers, 1)
            mstore(add(buffers, 32), 2)
            mcopy(add(buffers, 96), combined, 64)
            mcopy(add(buffers, 256), negated, 64)
            mstore(add(buffers, 544), domain)
            mstore(add(buffers, 576), digest)
            mstore(add(buffers, 608), message)
        }
    }

    /// @dev The challenge after member `i`: a hash of L = s*G + c*mu_P*P + c*mu_C*(C - C') and R = s*Hp(P) + c*I~. Not
    /// `ok` when a precompile failed.
    ///
    /// In the buffers: G and its scalar at 0, I~ and its scalar at 96, C at 192 and -C' at 256, another point and its
    /// scalar at 320, a product at 416 and what it is added to at 480, and from 544 on what is hashed: domain, digest,
    /// message, L, R.
    function _round(Layout memory ring, uint256 i, uint256 response, uint256 challenge)
        private
        view
        returns (bool ok, uint256 next)
    {
        assembly ("memory-safe") {
            let buffers := mload(add(ring, 32))
            let member := add(mload(ring), mul(i, 192))
            let point := add(buffers, 320)
            let product := add(buffers, 416)
            let sum := add(buffers, 480)
            mstore(add(buffers, 64), response)
            ok := staticcall(gas(), 7, buffers, 96, sum, 64)

            mcopy(add(buffers, 192), add(member, 64), 64)
            ok := and(staticcall(gas(), 6, add(buffers, 192), 128, point, 64), ok)
            mstore(add(buffers, 384), mulmod(challenge, mload(add(ring, 96)), ORDER))
            ok := and(staticcall(gas(), 7, point, 96, product, 64), ok)
            ok := and(staticcall(gas(), 6, product, 128, sum, 64), ok)

            mcopy(point, member, 64)
            mstore(add(buffers, 384), mulmod(challenge, mload(add(ring, 64)), ORDER))
            ok := and(staticcall(gas(), 7, point, 96, product, 64), ok)
            ok := and(staticcall(gas(), 6, product, 128, add(buffers, 640), 64), ok)

            mcopy(point, add(member, 128), 64)
            mstore(add(buffers, 384), response)
            ok := and(staticcall(gas(), 7, point, 96, product, 64), ok)
            mstore(add(buffers, 160), challenge)
            ok := and(staticcall(gas(), 7, add(buffers, 96), 96, sum, 64), ok)
            ok := and(staticcall(gas(), 6, product, 128, add(buffers, 704), 64), ok)

            next := mod(keccak256(add(buffers, 544), 224), ORDER)
        }
    }
}
