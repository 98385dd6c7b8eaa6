// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IProtocolParameters} from "./interfaces/IProtocolParameters.sol";

/// @title What of the protocol can be changed, and only so far
/// @notice Everything else is fixed at deployment. The owner is a {ProtocolTimelock}, whose delay is longer than the
/// longest settle window: a worker who takes an award knows the fee that will be taken from it.
contract ProtocolParameters is IProtocolParameters, Ownable2Step {
    /// @notice Cap of the protocol fee in basis points of the price.
    uint16 public constant MAX_PROTOCOL_FEE_BPS = 500;
    /// @notice Cap of the pool's part in basis points of the protocol fee: the whole of it.
    uint16 public constant MAX_REWARD_BPS = 10_000;

    Parameters private _parameters;

    /// @param owner_ Who may change the parameters.
    /// @param parameters_ Those at first.
    constructor(address owner_, Parameters memory parameters_) Ownable(owner_) {
        _set(parameters_);
    }

    /// @inheritdoc IProtocolParameters
    function set(Parameters calldata parameters) external onlyOwner {
        _set(parameters);
    }

    /// @inheritdoc IProtocolParameters
    function current() external view returns (Parameters memory) {
        return _parameters;
    }

    function _set(Parameters memory parameters) private {
        (uint16 fee, uint16 reward) = (parameters.protocolFeeBps, parameters.rewardBps);
        if (fee > MAX_PROTOCOL_FEE_BPS) revert ProtocolFeeTooHigh(fee, MAX_PROTOCOL_FEE_BPS);
        if (reward > MAX_REWARD_BPS) revert RewardTooHigh(reward, MAX_REWARD_BPS);
        if (parameters.treasury == address(0)) revert InvalidTreasury(parameters.treasury);
        _parameters = parameters;
        emit ParametersChanged(parameters.treasury, fee, reward);
    }
}
