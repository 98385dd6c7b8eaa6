// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice A part of a model's fees.
/// @param to Who is paid.
/// @param bps Basis points of the fees; those of one model add up to {ALL_BPS}.
struct Share {
    address to;
    uint16 bps;
}

/// @dev Basis points of the whole.
uint16 constant ALL_BPS = 10_000;
