// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Choice of workers for those who hear no gossip
/// @notice What the chain knows of a worker's load is what it settled today, and no more: which tasks a worker has
/// taken and not yet settled stands in messages between two parties and never comes here. A worker's heartbeat says
/// more, and its bid or decline settles the question.
interface INodeSelection {
    /// @notice Draws nodes at random, without repetition, each with a chance by its free capacity:
    /// `slots^2 / (slots + settled today)`, where `slots` are its capacity as far as its stake covers it. Equal nodes
    /// thus get equal work, and a node that is ahead of its capacity falls back. Dividing a stake among several nodes
    /// changes nothing.
    /// @dev For calls that cost no gas: it reads every registered node, about 10,000 gas each.
    /// @param modelDigest Goes into the draw, so that one seed does not name the same nodes for every model. The chain
    /// does not know who holds which model.
    /// @param seed Whatever the caller cannot choose at will should be in it if others are to trust the draw, such as
    /// the hash of a signed offer.
    /// @param n How many nodes.
    /// @return accounts In the order drawn; fewer than `n` when fewer nodes take work.
    function selectNodes(bytes32 modelDigest, bytes32 seed, uint256 n) external view returns (address[] memory accounts);

    /// @notice Tasks that the node's stake covers at once, at most its capacity; 0 while it takes no work.
    /// @return slots One for each least stake, at most the capacity.
    /// @return settled Awards paid to the node since the last midnight, UTC.
    function loadOf(address account) external view returns (uint256 slots, uint256 settled);

    /// @notice How many nodes are registered, those included that take no work.
    function nodeCount() external view returns (uint256);

    /// @notice The registered nodes from number `from` on, at most `count`. The order changes when a node leaves.
    function nodesFrom(uint256 from, uint256 count) external view returns (address[] memory);
}
