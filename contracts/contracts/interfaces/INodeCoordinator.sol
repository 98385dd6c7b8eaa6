// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Register of workers: stake, peer identity, capacity and record
interface INodeCoordinator {
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

    /// @notice Only the settlement contract writes records.
    error NotSettlement(address caller);
    /// @notice Unbonding must take longer than the longest settle window.
    error UnbondingDelayTooShort(uint64 delay, uint64 minimum);
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
    /// @notice The amount is zero.
    error ZeroAmount();
    /// @notice The node is inactive already.
    error NotActive(address account);
    /// @notice The node is active.
    error StillActive(address account);
    /// @notice The stake is bonded until `withdrawableAt`.
    error StillBonded(uint64 withdrawableAt);

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

    /// @notice Adds one missed award to the record of `worker`.
    /// @dev Only the settlement contract.
    function recordMissed(address worker) external;

    /// @notice The node of an account and what the account has done.
    function nodeOf(address account) external view returns (Node memory node, Record memory record);

    /// @notice The account that registered a peer id; 0 when none.
    function accountOf(bytes calldata peerId) external view returns (address);

    /// @notice Whether the account's node takes work and holds at least `stake`.
    function isActive(address account, uint256 stake) external view returns (bool);

    /// @notice Least stake of a node, in the smallest unit of JOY.
    function minStake() external view returns (uint256);

    /// @notice Seconds between deactivation and withdrawal.
    function unbondingDelay() external view returns (uint64);
}
