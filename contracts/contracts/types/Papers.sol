// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Award} from "./Award.sol";
import {Bid} from "./Bid.sol";
import {Offer} from "./Offer.sol";

/// @notice The papers of one task: what shows that a worker promised it.
/// @param offer What the bid answers; binds the award to the deadlines that the worker agreed to.
/// @param bid The worker's promise.
/// @param bidSignature Of the worker.
/// @param award The order.
/// @param awardSignature Of the requester.
struct Papers {
    Offer offer;
    Bid bid;
    bytes bidSignature;
    Award award;
    bytes awardSignature;
}
