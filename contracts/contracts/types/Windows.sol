// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev Furthest a settle deadline may lie ahead of the settlement. Whatever can take cover away from a signed
/// award (a withdrawal, a higher model fee) must take longer than this.
uint64 constant MAX_SETTLE_WINDOW = 1 days;

/// @dev Time between the announcement of a higher model price and its effect.
uint64 constant PRICE_NOTICE = 2 days;

/// @dev Least time between the announcement of a parameter and its effect.
uint64 constant PARAMETER_NOTICE = 2 days;

/// @dev Time over which the work of a node is counted as its load: a day, from midnight UTC.
uint64 constant LOAD_EPOCH = 1 days;
