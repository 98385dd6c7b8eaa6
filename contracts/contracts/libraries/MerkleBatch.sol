// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Slice} from "../types/Slice.sol";

/// @title The Merkle tree of a proved batch
/// @notice RFC 6962 section 2.1 with SHA-256: domain-separated leaves and nodes, so that neither passes for the
/// other. Hashing level by level with an odd last node promoted unchanged gives the same tree as the RFC's
/// recursive split at the largest power of two.
library MerkleBatch {
    /// @notice These tasks do not fill one subtree of the batch, or the path does not fit.
    error InvalidSlice(uint256 count, uint256 first, uint256 tasks, uint256 path);

    /// @dev Version of the guest's journal.
    uint32 internal constant JOURNAL_VERSION = 1;

    /// @notice Leaf of one task.
    function leaf(bytes32 taskId, bytes32 modelDigest, bytes32 inputDigest, bytes32 outputDigest)
        internal
        pure
        returns (bytes32)
    {
        return sha256(abi.encodePacked(bytes1(0x00), taskId, modelDigest, inputDigest, outputDigest));
    }

    /// @notice Root over `nodes` (at least one), which is used as scratch space and destroyed.
    function root(bytes32[] memory nodes) internal pure returns (bytes32) {
        uint256 width = nodes.length;
        while (width > 1) {
            uint256 half = width / 2;
            for (uint256 i = 0; i < half; ++i) {
                nodes[i] = sha256(abi.encodePacked(bytes1(0x01), nodes[2 * i], nodes[2 * i + 1]));
            }
            if (width % 2 == 1) {
                nodes[half] = nodes[width - 1];
                width = half + 1;
            } else {
                width = half;
            }
        }
        return nodes[0];
    }

    /// @notice SHA-256 of the journal that the guest commits for `count` leaves under `root_`.
    function journalDigest(uint256 count, bytes32 root_) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(JOURNAL_VERSION, uint32(count), root_));
    }

    /// @notice Root of the whole batch from the leaves of a slice (at least one), which are destroyed.
    function rootOfSlice(bytes32[] memory leaves, Slice calldata slice) internal pure returns (bytes32 node) {
        (uint256 tasks, uint256 first, uint256 count) = (leaves.length, slice.first, slice.count);
        uint256 height = 0;
        while (1 << height < tasks) ++height;
        bool whole = tasks == 1 << height || first + tasks == count;
        if (!whole || first % (1 << height) != 0 || first + tasks > count) _refuse(slice, tasks);
        node = root(leaves);
        // The subtree's root is a node of level `height`; a node without a right neighbour is promoted unchanged.
        uint256 index = first >> height;
        uint256 last = (count - 1) >> height;
        uint256 used = 0;
        while (last != 0) {
            if (index % 2 == 1 || index < last) {
                if (used == slice.path.length) _refuse(slice, tasks);
                bytes32 sibling = slice.path[used++];
                node = index % 2 == 1
                    ? sha256(abi.encodePacked(bytes1(0x01), sibling, node))
                    : sha256(abi.encodePacked(bytes1(0x01), node, sibling));
            }
            (index, last) = (index / 2, last / 2);
        }
        if (used != slice.path.length) _refuse(slice, tasks);
    }

    function _refuse(Slice calldata slice, uint256 tasks) private pure {
        revert InvalidSlice(slice.count, slice.first, tasks, slice.path.length);
    }
}
