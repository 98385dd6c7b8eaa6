// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {PARAMETER_NOTICE} from "./types/Windows.sol";

/// @title Owner of everything in the protocol that has an owner
/// @notice OpenZeppelin's timelock with a floor: no vote and no proposer brings the delay below `PARAMETER_NOTICE`.
contract ProtocolTimelock is TimelockController {
    /// @param minDelay Seconds; the floor holds when it is less.
    /// @param proposers Who may schedule and cancel.
    /// @param executors Who may execute what is due; the zero address lets anyone.
    constructor(uint256 minDelay, address[] memory proposers, address[] memory executors)
        TimelockController(minDelay, proposers, executors, address(0))
    {}

    /// @notice Seconds between scheduling and execution.
    function getMinDelay() public view override returns (uint256) {
        uint256 delay = super.getMinDelay();
        return delay > PARAMETER_NOTICE ? delay : PARAMETER_NOTICE;
    }
}
