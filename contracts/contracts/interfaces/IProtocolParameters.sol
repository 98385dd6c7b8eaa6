// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What of the protocol can be changed, and only so far
interface IProtocolParameters {
    /// @notice All parameters; they fill one storage slot.
    /// @param treasury Receiver of the protocol fee.
    /// @param protocolFeeBps Protocol fee in basis points of the price, taken from the worker's part.
    /// @param rewardBps Basis points of the protocol fee that go to the reward pool of {IProofOfUse}.
    struct Parameters {
        address treasury;
        uint16 protocolFeeBps;
        uint16 rewardBps;
    }

    /// @notice These parameters hold from now on.
    event ParametersChanged(address indexed treasury, uint16 protocolFeeBps, uint16 rewardBps);

    /// @notice The protocol fee is above its cap.
    error ProtocolFeeTooHigh(uint16 bps, uint16 maximum);
    /// @notice The pool's part is above its cap.
    error RewardTooHigh(uint16 bps, uint16 maximum);
    /// @notice The treasury may not be zero.
    error InvalidTreasury(address treasury);

    /// @notice Replaces all parameters. Only the owner, a timelock.
    function set(Parameters calldata parameters) external;

    /// @notice The parameters in force.
    function current() external view returns (Parameters memory);
}
