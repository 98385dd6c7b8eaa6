// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @dev Furthest a settle deadline may lie ahead of the settlement. Whatever can take cover away from a signed
/// award (a withdrawal, a higher model fee) must take longer than this.
uint64 constant MAX_SETTLE_WINDOW = 1 days;

/// @dev Time between the announcement of a higher model price and its effect: long enough that the fee of an award
/// still stands when the award is reported as missed.
uint64 constant PRICE_NOTICE = 2 days;

/// @dev Time after the settle deadline in which a miss may be reported.
uint64 constant REPORT_WINDOW = 1 days;

/// @dev Time after a report in which the worker may still settle.
uint64 constant ANSWER_WINDOW = 1 days;

/// @dev Time after the answer window in which any other worker may settle instead.
uint64 constant RESCUE_WINDOW = 1 days;

/// @dev Time after the settle deadline in which a false result may be shown: until the last rescue, whose proof may
/// be the first one that there is.
uint64 constant EVIDENCE_WINDOW = REPORT_WINDOW + ANSWER_WINDOW + RESCUE_WINDOW;

/// @dev Unbonding takes longer than this: a bid's deadline, all evidence about it, and a day to act on the last.
uint64 constant MAX_EXPOSURE = MAX_SETTLE_WINDOW + EVIDENCE_WINDOW + 1 days;

/// @dev Least time between the announcement of a parameter and its effect.
uint64 constant PARAMETER_NOTICE = 2 days;

/// @dev Time over which the work of a node is counted as its load: a day, from midnight UTC.
uint64 constant LOAD_EPOCH = 1 days;
