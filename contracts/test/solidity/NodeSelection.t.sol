// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {JoyToken} from "../../contracts/JoyToken.sol";
import {NodeCoordinator} from "../../contracts/NodeCoordinator.sol";
import {Asserting, vm} from "../support/Vm.sol";

/// @notice Who is drawn, and how evenly. The test is the settlement contract, so that it can say what was settled.
contract NodeSelectionTest is Asserting {
    uint256 private constant SLOT = 100;
    bytes32 private constant MODEL = keccak256("model");

    JoyToken private _token;
    NodeCoordinator private _nodes;

    function setUp() public {
        vm.warp(20_000 days);
        _token = new JoyToken(address(this));
        _nodes = new NodeCoordinator(_token, SLOT, 7 days);
        _nodes.bind();
    }

    function test_aNodeCountsAsFarAsItsStakeCoversItsCapacity() public {
        address node = _register(0, 8, 3 * SLOT + SLOT - 1);
        (uint256 slots,) = _nodes.loadOf(node);
        assertEq(slots, 3, "covered by stake");
        vm.prank(node);
        _nodes.addStake(100 * SLOT);
        (slots,) = _nodes.loadOf(node);
        assertEq(slots, 8, "capacity");
    }

    function test_loadIsWhatWasSettledSinceMidnight() public {
        address node = _register(0, 1, SLOT);
        _nodes.recordSettled(node, 3);
        vm.warp(block.timestamp + 1 days - 1);
        _nodes.recordSettled(node, 4);
        (, uint256 settled) = _nodes.loadOf(node);
        assertEq(settled, 7, "today");
        vm.warp(block.timestamp + 1);
        (, settled) = _nodes.loadOf(node);
        assertEq(settled, 0, "after midnight");
        _nodes.recordSettled(node, 2);
        (, settled) = _nodes.loadOf(node);
        assertEq(settled, 2, "tomorrow");
    }

    function test_onlyNodesThatTakeWorkAreDrawn() public {
        address away = _register(0, 1, SLOT);
        address there = _register(1, 1, SLOT);
        vm.prank(away);
        _nodes.deactivate();
        address[] memory drawn = _nodes.selectNodes(MODEL, "seed", 5);
        assertEq(drawn.length, 1, "drawn");
        assertTrue(drawn[0] == there, "the one that takes work");
        vm.warp(block.timestamp + 7 days);
        vm.prank(away);
        _nodes.withdraw();
        assertEq(_nodes.nodeCount(), 1, "registered");
        assertTrue(_nodes.nodesFrom(0, 10)[0] == there, "the list");
        assertEq(_nodes.nodesFrom(1, 10).length, 0, "no more");
        assertEq(_nodes.selectNodes(MODEL, "seed", 0).length, 0, "none asked for");
    }

    function testFuzz_nobodyIsDrawnTwice(bytes32 seed, uint256 n) public {
        for (uint256 i = 0; i < 7; ++i) _register(i, uint32(1 + i), (1 + i) * SLOT);
        n = bound(n, 1, 9);
        address[] memory drawn = _nodes.selectNodes(MODEL, seed, n);
        assertEq(drawn.length, n < 7 ? n : 7, "drawn");
        for (uint256 i = 0; i < drawn.length; ++i) {
            for (uint256 j = 0; j < i; ++j) assertTrue(drawn[i] != drawn[j], "drawn twice");
        }
    }

    /// @dev Twelve equal nodes, 288 tasks, one every five minutes of a day; a batch of sixteen settles at once, so
    /// what the draw knows lags behind by up to sixteen.
    function test_equalNodesGetEqualWork() public {
        uint256 jain = _day(12, 288, 16, false);
        assertTrue(jain >= 9500, "Jain's index below 0.95");
    }

    /// @dev Jain's index over work by slot: large nodes get more work in proportion.
    function test_workIsInProportionToCoveredCapacity() public {
        uint256 jain = _day(8, 720, 16, true);
        assertTrue(jain >= 9500, "Jain's index below 0.95");
    }

    /// @dev A stake in one node or in four is drawn as often.
    function test_dividingAStakeGainsNothing() public {
        _register(0, 4, 4 * SLOT);
        address whole = _register(1, 4, 4 * SLOT);
        for (uint256 i = 2; i < 6; ++i) _register(i, 1, SLOT);
        uint256 times;
        for (uint256 i = 0; i < 900; ++i) {
            if (_nodes.selectNodes(MODEL, bytes32(i), 1)[0] == whole) ++times;
        }
        // A third of 900, give or take three standard deviations of 14.
        assertTrue(times > 258 && times < 342, "not a third");
    }

    /// @dev Jain's index in ten-thousandths: (sum x)^2 / (n * sum x^2), Jain, Chiu and Hawe, DEC-TR-301 (1984).
    function _day(uint256 count, uint256 tasks, uint256 lag, bool unequal) private returns (uint256) {
        address[] memory nodes = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 slots = unequal ? 1 + i : 4;
            nodes[i] = _register(i, uint32(slots), slots * SLOT);
        }
        address[] memory waiting = new address[](lag);
        for (uint256 task = 0; task < tasks; ++task) {
            vm.warp(20_000 days + (task * 1 days) / tasks);
            waiting[task % lag] = _nodes.selectNodes(MODEL, keccak256(abi.encode(task)), 1)[0];
            if (task % lag == lag - 1) {
                for (uint256 i = 0; i < lag; ++i) _nodes.recordSettled(waiting[i], 1);
            }
        }
        uint256 sum;
        uint256 squares;
        for (uint256 i = 0; i < count; ++i) {
            (uint256 slots, uint256 settled) = _nodes.loadOf(nodes[i]);
            uint256 load = (settled * 1e6) / slots;
            sum += load;
            squares += load * load;
        }
        return (sum * sum * 10_000) / (count * squares);
    }

    function _register(uint256 index, uint32 capacity, uint256 stake) private returns (address account) {
        account = vm.addr(0xa11ce + index);
        _token.transfer(account, 1e24);
        vm.prank(account);
        _token.approve(address(_nodes), type(uint256).max);
        vm.prank(account);
        _nodes.register(abi.encodePacked(hex"1220", keccak256(abi.encode(account))), capacity, stake);
    }
}
