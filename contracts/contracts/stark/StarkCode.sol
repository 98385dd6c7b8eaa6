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
    bytes32 internal constant SEAL_VERIFIER = 0x4b64a24710115ff3fe8e34837bd69682f62a3a4be36455571be16e350dbe0bc0;

    /// @notice Bytes of a seal, without selector.
    uint256 internal constant SEAL_LENGTH = 130672;

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
