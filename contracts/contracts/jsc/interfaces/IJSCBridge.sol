// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IEscrow} from "../../interfaces/IEscrow.sol";
import {StealthNote} from "../types/Note.sol";
import {Payment} from "../types/Transaction.sol";
import {IJSC} from "./IJSC.sol";

/// @title Way of JOY into and out of the pool of private notes
/// @notice Holds one `UNIT` of JOY for each unit in unspent notes, always.
interface IJSCBridge {
    /// @notice `units` came in; the pool now holds `outstanding`.
    event Deposited(address indexed from, uint256 units, uint256 outstanding);
    /// @notice `units` went out to `to`, or into its escrow, by the transaction with this message; the pool now holds
    /// `outstanding`.
    event Released(
        address indexed to, bytes32 indexed jscTransaction, uint256 units, bool toEscrow, uint256 outstanding
    );

    /// @notice Only the pool may do this.
    error NotPool(address caller);
    /// @notice Nothing was to be deposited.
    error ZeroAmount();
    /// @notice The amount is not a multiple of `UNIT`, or above 64 bits of it.
    error InvalidAmount(uint256 amount);
    /// @notice The pool would hold more than its cap.
    error CapExceeded(uint256 outstanding, uint256 cap);

    /// @notice Turns approved JOY of the caller into notes of `amounts` units.
    function deposit(StealthNote[] calldata notes, uint64[] calldata amounts) external;

    /// @notice Pays fee and public amount of a transaction; for the pool.
    function release(bytes32 jscTransaction, Payment calldata payment) external;

    /// @notice The pool of notes.
    function pool() external view returns (IJSC);

    /// @notice JOY.
    function token() external view returns (IERC20);

    /// @notice The escrow that private balances can pay into.
    function escrow() external view returns (IEscrow);

    /// @notice Units in unspent notes.
    function outstanding() external view returns (uint256);

    /// @notice Most units that the pool may hold.
    function cap() external view returns (uint256);
}
