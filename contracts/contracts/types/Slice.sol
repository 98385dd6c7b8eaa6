// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice Where some tasks lie in a proved batch: neighbours that fill one subtree of its Merkle tree. Their number
/// is a power of two that divides `first`, or they are the last ones of the batch.
/// @param count Tasks in the whole batch.
/// @param first Index of the first of these tasks.
/// @param path Siblings of the subtree's root, from the bottom up (RFC 6962 section 2.1.1).
struct Slice {
    uint32 count;
    uint32 first;
    bytes32[] path;
}
