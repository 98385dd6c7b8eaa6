// SPDX-License-Identifier: Apache-2.0
// Written by `python -m stark generate`. Do not edit.
pragma solidity ^0.8.28;

/// @title Hashes of the generated code that StarkVerifier is willing to trust
/// @notice Derived from risc0-circuit-recursion-4.0.6-rc.1; docs/onchain-verifier.md says how to rebuild and compare it.
library StarkCode {
    /// @notice No constraint contract has this index.
    error NoSuchPart(uint256 index);

    /// @notice Poseidon2 root of the recursion programs that may stand below the outermost one.
    bytes32 internal constant INNER_CONTROL_ROOT = 0xa54dc85ac99f851c92d7c96d7318af41dbe7c0194edfcc37eb4d422a998c1f56;

    /// @notice Number of constraint contracts.
    uint256 internal constant PARTS = 8;

    /// @notice keccak256 of SealVerifier's creation code, without constructor arguments.
    bytes32 internal constant SEAL_VERIFIER = 0xe1a2bfd33678d2b37d27a89ee5e371554fad9ff64d67235fdefef344391c6de4;

    /// @notice keccak256 of HeaderVerifier's creation code, without constructor arguments.
    bytes32 internal constant HEADER_VERIFIER = 0x9d30de18ef146475188108e345d7510ab85e63af63989e7a7eb44b0b42c7caea;

    /// @notice keccak256 of QueryVerifier's creation code, without constructor arguments.
    bytes32 internal constant QUERY_VERIFIER = 0x25326ef205e69c76a1427887af0af9bc350ecf083b0cd852ea0e7307409af88f;

    /// @notice Bytes of a seal, without selector.
    uint256 internal constant SEAL_LENGTH = 130672;

    /// @notice Bytes of a seal before its queries, number of the queries, and bytes of each.
    uint256 internal constant HEADER_LENGTH = 18872;
    uint256 internal constant QUERIES = 26;
    uint256 internal constant QUERY_LENGTH = 4300;

    /// @notice Where the Merkle layers of the four tables, and of the three FRI commitments, are in a seal.
    uint256 internal constant TRACE_TOPS_AT = 132;
    uint256 internal constant TRACE_TOPS_END = 4228;
    uint256 internal constant FRI_TOPS_AT = 14772;
    uint256 internal constant FRI_TOPS_END = 17844;

    /// @notice Bytes that HeaderVerifier returns, and where the control id is in them.
    uint256 internal constant SHARED_LENGTH = 21440;
    uint256 internal constant CONTROL_ID_AT = 576;

    /// @notice Code hash of a constraint contract.
    function partHash(uint256 index) internal pure returns (bytes32) {
        if (index == 0) return 0x1fc4b684e36a235ec09a836ee3cfb82b21e17adb34fc9ff2d28280a21ba93d57;
        if (index == 1) return 0x353e04dc1ba1493606c046f6ff160af08b3e0c02a1cfb94c1126a168c0dcc88e;
        if (index == 2) return 0x6f064018bbf4f8609e713aa3db7268c8c495ee7634c070daeb4d8b4ef73206e9;
        if (index == 3) return 0x9307d5efa6278d0c956e560d4e3030a5553c4067b7ed8d110d2cf30982e5d54d;
        if (index == 4) return 0x2e23865f5916f8a4348c38c2bb45f3c4c52620d286105eda56bc17ce5fa09414;
        if (index == 5) return 0xf94b545ce66bbdf8579e14e5fb27e9c1069fee174eb05bd0bbe66a8a5b600bb1;
        if (index == 6) return 0x22f1683be33b11cf400a25f8f424079ee81dae31982dd8d4f65eca29dc43b70a;
        if (index == 7) return 0xf320850285fbacddbbb23dc913202b32e520c2851172b94fd72753b02199f32d;
        revert NoSuchPart(index);
    }
}
