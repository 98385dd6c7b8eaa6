// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleBatch} from "../../contracts/libraries/MerkleBatch.sol";
import {Asserting} from "../support/Vm.sol";

contract MerkleBatchTest is Asserting {
    function testFuzz_rootIsThatOfTheRecursiveDefinition(uint256 seed, uint16 size) public pure {
        uint256 count = bound(size, 1, 300);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) leaves[i] = keccak256(abi.encode(seed, i));
        bytes32 expected = _rfc6962(leaves, 0, count);
        assertEq(MerkleBatch.root(leaves), expected, "root");
    }

    function test_rootOfOneIsTheLeaf() public pure {
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = keccak256("leaf");
        assertEq(MerkleBatch.root(leaves), keccak256("leaf"), "root");
    }

    /// @dev Digests made with Python's hashlib: leaves sha256(00 | 01*32 | 02*32 | 03*32 | 04*32), its task id
    /// replaced by 05*32 and 06*32 in the second and third.
    function test_knownBatchOfThree() public pure {
        bytes32[] memory leaves = new bytes32[](3);
        (bytes32 m, bytes32 i, bytes32 o) = (_repeat(2), _repeat(3), _repeat(4));
        leaves[0] = MerkleBatch.leaf(_repeat(1), m, i, o);
        leaves[1] = MerkleBatch.leaf(_repeat(5), m, i, o);
        leaves[2] = MerkleBatch.leaf(_repeat(6), m, i, o);
        assertEq(leaves[0], LEAF_0, "leaf");
        bytes32 root = MerkleBatch.root(leaves);
        assertEq(root, ROOT, "root");
        assertEq(MerkleBatch.journalDigest(3, root), JOURNAL, "journal");
    }

    function _repeat(uint8 value) private pure returns (bytes32) {
        return bytes32(uint256(value) * (type(uint256).max / 255));
    }

    /// @dev RFC 6962 section 2.1: split at the largest power of two below the number of leaves.
    function _rfc6962(bytes32[] memory leaves, uint256 from, uint256 count) private pure returns (bytes32) {
        if (count == 1) return leaves[from];
        uint256 split = 1;
        while (split * 2 < count) split *= 2;
        return sha256(
            abi.encodePacked(
                bytes1(0x01), _rfc6962(leaves, from, split), _rfc6962(leaves, from + split, count - split)
            )
        );
    }

    bytes32 private constant LEAF_0 = 0xef40d7446096f5cc471e0071f7a943be04163fac9bc78bf0fc85aabc61985a6d;
    bytes32 private constant ROOT = 0x9ef930e944794d94390fb07e8af8e8db72204c1507bc29a8346679ae9ee75b6c;
    bytes32 private constant JOURNAL = 0xc789f4b5af531a10a23d74a35ff296ebc2142ecc0c37c75383041977d4c17d81;
}
