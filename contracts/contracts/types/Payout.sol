// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice How a batch pays: by transfer, or by credits that their owners take out when they like.
enum Payout {
    Direct,
    Credit
}
