// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Input, RING} from "../types/Transaction.sol";
import {Bn254} from "../../libraries/Bn254.sol";

/// @title CLSAG, Monero's linkable ring signature
/// @notice Concise Linkable Ring Signatures (eprint 2019/654) over bn254. A valid signature shows that its maker knows,
/// for one member of the ring, p with P = p*G and z with C - C' = z*G, and that the key image is p*Hp(P).
library Clsag {
    bytes32 private constant RING_DOMAIN = keccak256("JSC/v1/clsag/ring");
    bytes32 private constant KEY_DOMAIN = keccak256("JSC/v1/clsag/aggregate/key");
    bytes32 private constant COMMITMENT_DOMAIN = keccak256("JSC/v1/clsag/aggregate/commitment");
    bytes32 private constant ROUND_DOMAIN = keccak256("JSC/v1/clsag/round");

    uint256 private constant NOTE_SIZE = 192;
    // Offsets from the first member in memory. I, D and C' follow the members as they are hashed with them.
    uint256 private constant FIXED = RING * NOTE_SIZE;
    uint256 private constant NEGATED = FIXED + 192;
    uint256 private constant GENERATOR = NEGATED + 64;
    uint256 private constant COMBINED = GENERATOR + 64;
    uint256 private constant ROUND = COMBINED + 64;
    uint256 private constant END = ROUND + 224;

    /// @dev What is fixed for the whole ring.
    /// @param members Where the ring lies in memory; at NEGATED is -C', at COMBINED mu_P*I + mu_C*D, at ROUND what a
    /// round hashes.
    /// @param left Buffer of {Bn254.newSum} for L; `right` is that for R.
    struct Layout {
        uint256 members;
        uint256 left;
        uint256 right;
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
            ok = _left(ring, i, response, challenge) && ok;
            ok = _right(ring, i, response, challenge) && ok;
            (uint256 round, uint256 left, uint256 right) = (ring.members + ROUND, ring.left, ring.right);
            assembly ("memory-safe") {
                mcopy(add(round, 96), add(left, 160), 64)
                mcopy(add(round, 160), add(right, 160), 64)
                challenge := keccak256(round, 224)
            }
            challenge %= Bn254.N;
            if (challenge == 0) return false;
        }
        return ok && challenge == input.challenge;
    }

    /// @dev Copies what is hashed and multiplied to memory and derives what is fixed for the whole ring.
    function _prepare(Input calldata input, bytes32 message) private view returns (Layout memory ring, bool ok) {
        ring.left = Bn254.newSum();
        ring.right = Bn254.newSum();
        uint256 members;
        (uint256 fixedSize, uint256 end) = (FIXED, END);
        assembly ("memory-safe") {
            members := add(mload(0x40), 32)
            mstore(0x40, add(members, end))
            // Input begins with 4 + 4 words; after the members come I, C' and D of two words each.
            let source := add(input, 256)
            calldatacopy(members, source, fixedSize)
            let images := add(source, fixedSize)
            let target := add(members, fixedSize)
            calldatacopy(target, images, 64)
            calldatacopy(add(target, 64), add(images, 128), 64)
            calldatacopy(add(target, 128), add(images, 64), 64)
        }
        ring.members = members;
        bytes32 digest = _ringDigest(members);
        _store(members + NEGATED, input.pseudoOut.x, Bn254.P - input.pseudoOut.y);
        _store(members + GENERATOR, 1, 2);
        _store(members + ROUND, uint256(ROUND_DOMAIN), uint256(digest));
        _store(members + ROUND + 64, uint256(message), 0);
        ring.muKey = uint256(keccak256(abi.encode(KEY_DOMAIN, digest))) % Bn254.N;
        ring.muCommitment = uint256(keccak256(abi.encode(COMMITMENT_DOMAIN, digest))) % Bn254.N;
        ok = Bn254.mulAdd(ring.right, members + FIXED, ring.muKey);
        ok = Bn254.mulAdd(ring.right, members + FIXED + 64, ring.muCommitment) && ok;
        (uint256 sum, uint256 combined) = (ring.right + 160, members + COMBINED);
        assembly ("memory-safe") {
            mcopy(combined, sum, 64)
        }
    }

    /// @dev Keccak of domain, members, I, D and C'; the word before the members is free for the domain.
    function _ringDigest(uint256 members) private pure returns (bytes32 digest) {
        (bytes32 domain, uint256 size) = (RING_DOMAIN, NEGATED + 32);
        assembly ("memory-safe") {
            mstore(sub(members, 32), domain)
            digest := keccak256(sub(members, 32), size)
        }
    }

    function _store(uint256 target, uint256 first, uint256 second) private pure {
        assembly ("memory-safe") {
            mstore(target, first)
            mstore(add(target, 32), second)
        }
    }

    /// @dev L = s*G + c*mu_P*P + c*mu_C*(C - C').
    function _left(Layout memory ring, uint256 i, uint256 response, uint256 challenge) private view returns (bool ok) {
        uint256 sum = ring.left;
        uint256 member = ring.members + i * NOTE_SIZE;
        uint256 negated = ring.members + NEGATED;
        uint256 difference;
        assembly ("memory-safe") {
            // C - C' goes to the free memory, which is left free.
            difference := mload(0x40)
            mcopy(difference, add(member, 64), 64)
            mcopy(add(difference, 64), negated, 64)
            ok := staticcall(gas(), 6, difference, 128, difference, 64)
            mstore(add(sum, 160), 0)
            mstore(add(sum, 192), 0)
        }
        ok = Bn254.mulAdd(sum, ring.members + GENERATOR, response) && ok;
        ok = Bn254.mulAdd(sum, member, mulmod(challenge, ring.muKey, Bn254.N)) && ok;
        ok = Bn254.mulAdd(sum, difference, mulmod(challenge, ring.muCommitment, Bn254.N)) && ok;
    }

    /// @dev R = s*Hp(P) + c*(mu_P*I + mu_C*D).
    function _right(Layout memory ring, uint256 i, uint256 response, uint256 challenge) private view returns (bool ok) {
        uint256 sum = ring.right;
        assembly ("memory-safe") {
            mstore(add(sum, 160), 0)
            mstore(add(sum, 192), 0)
        }
        ok = Bn254.mulAdd(sum, ring.members + i * NOTE_SIZE + 128, response);
        ok = Bn254.mulAdd(sum, ring.members + COMBINED, challenge) && ok;
    }
}
