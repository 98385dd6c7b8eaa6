// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IBonds} from "./IBonds.sol";
import {ISlashing} from "./ISlashing.sol";

/// @title Register of workers: stake, peer identity, capacity and record
interface INodeCoordinator is IBonds, ISlashing {
    /// @notice One registered node.
    /// @param peerId The libp2p peer id as multihash bytes; empty when the account has no node.
    /// @param stake In the smallest unit of JOY.
    /// @param capacity Tasks that the node takes at once.
    /// @param withdrawableAt When the stake may be withdrawn, seconds UTC; 0 while the node is active.
    struct Node {
        bytes peerId;
        uint96 stake;
        uint32 capacity;
        uint64 withdrawableAt;
    }

    /// @notice What an account has done, kept when its node is withdrawn.
    /// @param settled Awards that were proved and paid.
    /// @param missed Awards that it bid for and did not settle in time.
    /// @param epoch Day of its last settlement, days since 1970 UTC.
    /// @param settledInEpoch Awards that were proved and paid on that day.
    struct Record {
        uint64 settled;
        uint64 missed;
        uint64 epoch;
        uint64 settledInEpoch;
    }

    /// @notice `settlement` writes records and keeps the money of reports, for good.
    event Bound(address indexed settlement);
    /// @notice `account` registered a node.
    event NodeRegistered(address indexed account, bytes peerId, uint32 capacity, uint256 stake);
    /// @notice The stake of a node rose by `amount` to `stake`.
    event StakeAdded(address indexed account, uint256 amount, uint256 stake);
    /// @notice A node takes `capacity` tasks at once from now on.
    event CapacityChanged(address indexed account, uint32 capacity);
    /// @notice A node takes no new work; its stake is free at `withdrawableAt`.
    event NodeDeactivated(address indexed account, uint64 withdrawableAt);
    /// @notice A node takes work again.
    event NodeReactivated(address indexed account);
    /// @notice A node left and got its stake back.
    event NodeWithdrawn(address indexed account, bytes peerId, uint256 stake);
    /// @notice The record of `account` now stands at these totals.
    event RecordChanged(address indexed account, uint64 settled, uint64 missed);

    /// @notice Not the multihash of a libp2p key: identity (0x00) or sha2-256 (0x12), its length, at most 64 bytes.
    error InvalidPeerId(bytes peerId);
    /// @notice The peer id belongs to another account.
    error PeerIdTaken(bytes peerId, address account);
    /// @notice The account has a node.
    error AlreadyRegistered(address account);
    /// @notice The account has no node.
    error NotRegistered(address account);
    /// @notice The stake is below the least that a node must hold.
    error StakeTooLow(uint256 stake, uint256 minimum);
    /// @notice A node must take at least one task at once.
    error ZeroCapacity();
    /// @notice The node is inactive already.
    error NotActive(address account);
    /// @notice The node is active.
    error StillActive(address account);
    /// @notice There is a settlement contract already.
    error AlreadyBound(address settlement);
    /// @notice Stake stays while awards of this worker are under report.
    error StillReported(address account, uint32 reports);

    /// @notice Makes the caller the settlement contract, once and for good. A settlement contract does so in its
    /// constructor, so a register that somebody else has bound is of no use to anybody, and nobody has a right to it.
    function bind() external;

    /// @notice Registers the caller's node and pulls its stake, which must have been approved.
    /// @dev Only the account signs here. That the peer agrees is stated off chain, in its signed peer record, and
    /// whoever reads the register checks both.
    /// @param peerId The libp2p peer id as multihash bytes, at most 64.
    /// @param capacity Tasks that the node takes at once, at least 1.
    /// @param stake In the smallest unit of JOY, at least `minStake`.
    function register(bytes calldata peerId, uint32 capacity, uint256 stake) external;

    /// @notice Adds to the stake of the caller's node.
    function addStake(uint256 amount) external;

    /// @notice Changes how many tasks the caller's node takes at once.
    function setCapacity(uint32 capacity) external;

    /// @notice Ends the work of the caller's node and starts the unbonding of its stake.
    function deactivate() external;

    /// @notice Takes the caller's node back to work and ends the unbonding.
    function reactivate() external;

    /// @notice Returns the stake of the caller's inactive node after the unbonding delay and frees its peer id.
    function withdraw() external;

    /// @notice Adds `count` settled awards to the record of `worker`.
    /// @dev Only the settlement contract. An account without a node keeps a record too: awards need no registration.
    function recordSettled(address worker, uint64 count) external;

    /// @notice The node of an account and what the account has done.
    function nodeOf(address account) external view returns (Node memory node, Record memory record);

    /// @notice The account that registered a peer id; 0 when none.
    function accountOf(bytes calldata peerId) external view returns (address);

    /// @notice Whether the account's node takes work and holds at least `stake`.
    function isActive(address account, uint256 stake) external view returns (bool);

    /// @notice The token of all stakes and bonds.
    function token() external view returns (IERC20);

    /// @notice The contract that writes records and keeps the money of reports; 0 until one has bound this register.
    function settlement() external view returns (address);

    /// @notice Least stake of a node, in the smallest unit of JOY.
    function minStake() external view returns (uint256);

    /// @notice Seconds between deactivation and withdrawal.
    function unbondingDelay() external view returns (uint64);
}
