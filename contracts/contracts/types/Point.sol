// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A point of bn254's G1 in affine coordinates; (0, 0) is the identity and is never accepted from outside.
struct Point {
    uint256 x;
    uint256 y;
}
