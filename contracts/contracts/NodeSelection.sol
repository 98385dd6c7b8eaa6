// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {INodeSelection} from "./interfaces/INodeSelection.sol";

/// @title Choice of workers for those who hear no gossip
/// @notice Keeps the list of registered nodes and draws from it by their free capacity.
abstract contract NodeSelection is INodeSelection {
    using EnumerableSet for EnumerableSet.AddressSet;

    /// @dev Makes the weight of the smallest node a number in which a task more or less can be seen.
    uint256 private constant SCALE = 1 << 64;

    EnumerableSet.AddressSet private _list;

    /// @inheritdoc INodeSelection
    function selectNodes(bytes32 modelDigest, bytes32 seed, uint256 n)
        external
        view
        returns (address[] memory accounts)
    {
        address[] memory all = _list.values();
        uint256[] memory weights = new uint256[](all.length);
        uint256 total;
        uint256 open;
        for (uint256 i = 0; i < all.length; ++i) {
            weights[i] = _weightOf(all[i]);
            total += weights[i];
            if (weights[i] != 0) ++open;
        }
        accounts = new address[](n < open ? n : open);
        for (uint256 drawn = 0; drawn < accounts.length; ++drawn) {
            // A total is below 2^160, so the remainder favours no node by more than one part in 2^96.
            uint256 ticket = uint256(keccak256(abi.encode(modelDigest, seed, drawn))) % total;
            uint256 at_ = 0;
            while (ticket >= weights[at_]) ticket -= weights[at_++];
            accounts[drawn] = all[at_];
            total -= weights[at_];
            weights[at_] = 0;
        }
    }

    /// @inheritdoc INodeSelection
    function nodeCount() external view returns (uint256) {
        return _list.length();
    }

    /// @inheritdoc INodeSelection
    function nodesFrom(uint256 from, uint256 count) external view returns (address[] memory) {
        return _list.values(from, from + count);
    }

    /// @inheritdoc INodeSelection
    function loadOf(address account) public view virtual returns (uint256 slots, uint256 settled);

    /// @dev When a node registers.
    function _join(address account) internal {
        _list.add(account);
    }

    /// @dev When a node is gone.
    function _leave(address account) internal {
        _list.remove(account);
    }

    function _weightOf(address account) private view returns (uint256) {
        (uint256 slots, uint256 settled) = loadOf(account);
        return slots == 0 ? 0 : (slots * slots * SCALE) / (slots + settled);
    }
}
