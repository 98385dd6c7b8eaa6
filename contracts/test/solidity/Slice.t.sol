// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {MerkleBatch} from "../../contracts/libraries/MerkleBatch.sol";
import {Slice} from "../../contracts/types/Slice.sol";
import {Asserting} from "../support/Vm.sol";

/// @notice Slices of a proved batch lead to its root by RFC 6962's paths, and to no other.
contract SliceTest is Asserting {
    bytes32[] private _path;

    function rootOfSlice(bytes32[] memory leaves, Slice calldata slice) external pure returns (bytes32) {
        return MerkleBatch.rootOfSlice(leaves, slice);
    }

    function testFuzz_everyAlignedSliceLeadsToTheRoot(uint256 seed, uint16 size, uint8 height, uint16 where) public {
        (bytes32[] memory part, Slice memory slice, bytes32 root) = _draw(seed, size, height, where);
        assertEq(this.rootOfSlice(part, slice), root, "root");
    }

    function testFuzz_noOtherLeafPathOrPlaceLeadsThere(
        uint256 seed,
        uint16 size,
        uint8 height,
        uint16 where,
        uint256 change
    ) public {
        (bytes32[] memory part, Slice memory slice, bytes32 root) = _draw(seed, size, height, where);
        uint256 kind = change % 4;
        if (kind == 0) part[(change >> 8) % part.length] ^= bytes32(uint256(1) << (change % 256));
        if (kind == 1 && slice.path.length != 0) slice.path[(change >> 8) % slice.path.length] ^= bytes32(uint256(1));
        if (kind == 1 && slice.path.length == 0) slice.count += 1 + uint32(change >> 8) % 1000;
        if (kind == 2) slice.first ^= uint32(1) << uint32((change >> 8) % 11);
        if (kind == 3) part[0] = root;
        if (kind == 3 && part[0] == root && part.length == 1 && slice.path.length == 0) return;
        try this.rootOfSlice(part, slice) returns (bytes32 other) {
            // A promoted last node has the same path under several counts, but then the journal's count differs.
            assertTrue(other != root, "another slice leads to the root");
        } catch {}
    }

    function _draw(uint256 seed, uint16 size, uint8 height, uint16 where)
        private
        returns (bytes32[] memory part, Slice memory slice, bytes32 root)
    {
        uint256 count = bound(size, 1, 300);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) leaves[i] = keccak256(abi.encode(seed, i));
        uint256 width = 1 << bound(height, 0, 8);
        uint256 first = (bound(where, 0, count - 1) / width) * width;
        uint256 length = first + width < count ? width : count - first;
        // The last slice may be short; then its own height is what counts.
        part = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) part[i] = leaves[first + i];
        uint256 own = 1;
        while (own < length) own *= 2;
        delete _path;
        _siblings(leaves, 0, count, first, own);
        slice = Slice(uint32(count), uint32(first), _path);
        root = _tree(leaves, 0, count);
    }

    /// @dev RFC 6962 section 2.1.1, stopped at the subtree that begins at `first` and spans at most `width` leaves.
    function _siblings(bytes32[] memory leaves, uint256 from, uint256 count, uint256 first, uint256 width) private {
        if (from == first && count <= width) return;
        uint256 split = 1;
        while (split * 2 < count) split *= 2;
        if (first < from + split) {
            _siblings(leaves, from, split, first, width);
            _path.push(_tree(leaves, from + split, count - split));
        } else {
            _siblings(leaves, from + split, count - split, first, width);
            _path.push(_tree(leaves, from, split));
        }
    }

    function _tree(bytes32[] memory leaves, uint256 from, uint256 count) private pure returns (bytes32) {
        if (count == 1) return leaves[from];
        uint256 split = 1;
        while (split * 2 < count) split *= 2;
        return sha256(
            abi.encodePacked(bytes1(0x01), _tree(leaves, from, split), _tree(leaves, from + split, count - split))
        );
    }
}
