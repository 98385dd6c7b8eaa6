// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Bonds} from "./Bonds.sol";
import {INodeCoordinator} from "./interfaces/INodeCoordinator.sol";
import {ISlashing} from "./interfaces/ISlashing.sol";
import {NodeSelection} from "./NodeSelection.sol";
import {Slashing} from "./Slashing.sol";
import {LOAD_EPOCH} from "./types/Windows.sol";

/// @title Register of workers: stake, peer identity, capacity and record
/// @notice One node an account and one account a peer id. Holds the stakes, which only their own accounts can take
/// out and only evidence of a fault can lower; has no owner. Endpoints are not recorded: peers find each other off
/// chain.
contract NodeCoordinator is INodeCoordinator, NodeSelection, Slashing {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    uint256 private constant MAX_PEER_ID = 64;
    /// @dev Multihash codes of libp2p peer ids, github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md.
    uint8 private constant IDENTITY = 0x00;
    uint8 private constant SHA2_256 = 0x12;

    uint256 private immutable _minStake;

    mapping(address account => Node) private _nodes;
    mapping(address account => Record) private _records;
    mapping(bytes32 peerIdHash => address account) private _accounts;

    modifier onlyRegistered() {
        if (_nodes[msg.sender].peerId.length == 0) revert NotRegistered(msg.sender);
        _;
    }

    /// @param token_ JOY.
    /// @param minStake_ In the smallest unit of JOY; also the penalty for a fault.
    /// @param unbondingDelay_ Seconds; longer than any evidence about a promise can take.
    constructor(IERC20 token_, uint256 minStake_, uint64 unbondingDelay_) Bonds(token_, unbondingDelay_) {
        _minStake = minStake_;
    }

    /// @inheritdoc INodeCoordinator
    function bind() external {
        if (_settlement != address(0)) revert AlreadyBound(_settlement);
        _settlement = msg.sender;
        emit Bound(msg.sender);
    }

    /// @inheritdoc INodeCoordinator
    function register(bytes calldata peerId, uint32 capacity, uint256 stake) external nonReentrant {
        Node storage node = _nodes[msg.sender];
        if (node.peerId.length != 0) revert AlreadyRegistered(msg.sender);
        _requirePeerId(peerId);
        bytes32 peerIdHash = keccak256(peerId);
        address taken = _accounts[peerIdHash];
        if (taken != address(0)) revert PeerIdTaken(peerId, taken);
        if (capacity == 0) revert ZeroCapacity();
        if (stake < _minStake) revert StakeTooLow(stake, _minStake);
        _accounts[peerIdHash] = msg.sender;
        node.peerId = peerId;
        node.capacity = capacity;
        node.stake = stake.toUint96();
        _join(msg.sender);
        emit NodeRegistered(msg.sender, peerId, capacity, stake);
        _token.safeTransferFrom(msg.sender, address(this), stake);
    }

    /// @inheritdoc INodeCoordinator
    function addStake(uint256 amount) external nonReentrant onlyRegistered {
        if (amount == 0) revert ZeroAmount();
        Node storage node = _nodes[msg.sender];
        uint256 stake = node.stake + amount;
        node.stake = stake.toUint96();
        emit StakeAdded(msg.sender, amount, stake);
        _token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc INodeCoordinator
    function setCapacity(uint32 capacity) external onlyRegistered {
        if (capacity == 0) revert ZeroCapacity();
        _nodes[msg.sender].capacity = capacity;
        emit CapacityChanged(msg.sender, capacity);
    }

    /// @inheritdoc INodeCoordinator
    function deactivate() external onlyRegistered {
        Node storage node = _nodes[msg.sender];
        if (node.withdrawableAt != 0) revert NotActive(msg.sender);
        uint64 withdrawableAt = uint64(block.timestamp) + _unbondingDelay;
        node.withdrawableAt = withdrawableAt;
        emit NodeDeactivated(msg.sender, withdrawableAt);
    }

    /// @inheritdoc INodeCoordinator
    function reactivate() external onlyRegistered {
        Node storage node = _nodes[msg.sender];
        if (node.withdrawableAt == 0) revert StillActive(msg.sender);
        node.withdrawableAt = 0;
        emit NodeReactivated(msg.sender);
    }

    /// @inheritdoc INodeCoordinator
    function withdraw() external nonReentrant onlyRegistered {
        Node memory node = _nodes[msg.sender];
        if (node.withdrawableAt == 0) revert StillActive(msg.sender);
        if (block.timestamp < node.withdrawableAt) revert StillBonded(node.withdrawableAt);
        uint32 reports = reportsOf(msg.sender).total;
        if (reports != 0) revert StillReported(msg.sender, reports);
        delete _accounts[keccak256(node.peerId)];
        delete _nodes[msg.sender];
        _leave(msg.sender);
        emit NodeWithdrawn(msg.sender, node.peerId, node.stake);
        _token.safeTransfer(msg.sender, node.stake);
    }

    /// @inheritdoc INodeCoordinator
    function recordSettled(address worker, uint64 count) external onlySettlement {
        Record storage record = _records[worker];
        record.settled += count;
        uint64 epoch = uint64(block.timestamp) / LOAD_EPOCH;
        if (record.epoch != epoch) (record.epoch, record.settledInEpoch) = (epoch, 0);
        record.settledInEpoch += count;
        emit RecordChanged(worker, record.settled, record.missed);
    }

    /// @inheritdoc INodeCoordinator
    function nodeOf(address account) external view returns (Node memory node, Record memory record) {
        return (_nodes[account], _records[account]);
    }

    /// @inheritdoc INodeCoordinator
    function accountOf(bytes calldata peerId) external view returns (address) {
        return _accounts[keccak256(peerId)];
    }

    /// @inheritdoc INodeCoordinator
    function isActive(address account, uint256 stake) public view returns (bool) {
        Node storage node = _nodes[account];
        return node.peerId.length != 0 && node.withdrawableAt == 0 && node.stake >= stake && node.stake >= _minStake;
    }

    /// @inheritdoc NodeSelection
    function loadOf(address account) public view override returns (uint256 slots, uint256 settled) {
        Record storage record = _records[account];
        if (record.epoch == block.timestamp / LOAD_EPOCH) settled = record.settledInEpoch;
        if (isActive(account, _minStake)) {
            Node storage node = _nodes[account];
            slots = _minStake == 0 ? node.capacity : node.stake / _minStake;
            if (slots > node.capacity) slots = node.capacity;
        }
    }

    /// @inheritdoc INodeCoordinator
    function minStake() external view returns (uint256) {
        return _minStake;
    }

    /// @inheritdoc INodeCoordinator
    function unbondingDelay() external view returns (uint64) {
        return _unbondingDelay;
    }

    /// @inheritdoc INodeCoordinator
    function token() external view returns (IERC20) {
        return _token;
    }

    /// @inheritdoc INodeCoordinator
    function settlement() external view returns (address) {
        return _settlement;
    }

    /// @inheritdoc ISlashing
    /// @dev So every active node can pay for one fault.
    function penalty() public view override(ISlashing, Slashing) returns (uint256) {
        return _minStake;
    }

    function _capacityOf(address worker) internal view override returns (uint32) {
        return _nodes[worker].capacity;
    }

    function _takeStake(address worker, uint256 amount) internal override returns (uint256 taken) {
        Node storage node = _nodes[worker];
        taken = amount < node.stake ? amount : node.stake;
        node.stake -= uint96(taken);
    }

    function _recordMissed(address worker) internal override {
        Record storage record = _records[worker];
        record.missed += 1;
        emit RecordChanged(worker, record.settled, record.missed);
    }

    function _requirePeerId(bytes calldata peerId) private pure {
        bool valid = peerId.length > 2 && peerId.length <= MAX_PEER_ID;
        if (valid) {
            uint8 code = uint8(peerId[0]);
            valid = (code == IDENTITY || code == SHA2_256) && uint8(peerId[1]) == peerId.length - 2;
        }
        if (!valid) revert InvalidPeerId(peerId);
    }
}
