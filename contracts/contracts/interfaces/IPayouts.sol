// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelMarketplace} from "./IModelMarketplace.sol";
import {IPayoutTarget} from "./IPayoutTarget.sol";
import {IProofOfUse} from "./IProofOfUse.sol";
import {IProtocolParameters} from "./IProtocolParameters.sol";

/// @title Payment of workers, model owners and the protocol
interface IPayouts {
    /// @notice `amount` was credited to `account`.
    event Credited(address indexed account, uint256 amount);
    /// @notice `account` took out `amount`.
    event CreditWithdrawn(address indexed account, address indexed to, uint256 amount);

    /// @notice The credit is smaller than what was asked for.
    error InsufficientCredit(uint256 amount, uint256 credit);
    /// @notice The target did not pull exactly what was to be paid.
    error PayoutMismatch(address target, uint256 amount);

    /// @notice Pays out all of the caller's credit to the caller.
    /// @return amount What was paid.
    function withdrawCredit() external returns (uint256 amount);

    /// @notice Pays part of the caller's credit to a stealth address, through a contract that knows what that is.
    /// @param target The caller's choice; it must pull exactly `amount`.
    /// @param stealthAddress In the target's encoding.
    /// @param amount In the smallest unit of JOY, at least 1.
    function withdrawCreditTo(IPayoutTarget target, bytes calldata stealthAddress, uint256 amount) external;

    /// @notice What `account` can take out.
    function creditOf(address account) external view returns (uint256);

    /// @notice All credits together.
    function totalCredits() external view returns (uint256);

    /// @notice Register of models.
    function marketplace() external view returns (IModelMarketplace);

    /// @notice Record of use.
    function proofOfUse() external view returns (IProofOfUse);

    /// @notice The protocol fee, which is taken from the worker's part, and where it goes.
    function parameters() external view returns (IProtocolParameters);
}
