// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "../../contracts/interfaces/IBonds.sol";
import {JoyToken} from "../../contracts/JoyToken.sol";
import {NodeCoordinator} from "../../contracts/NodeCoordinator.sol";
import {Award} from "../../contracts/types/Award.sol";
import {Result} from "../../contracts/types/Result.sol";
import {FakeSettlement} from "../support/FakeSettlement.sol";
import {Asserting, vm} from "../support/Vm.sol";

/// @notice Who gets what of a stake or bond that is lost, for any amounts.
contract PenaltiesTest is Asserting {
    address private constant WORKER = address(0xaaaa);
    address private constant OTHER = address(0xbbbb);
    address private constant REQUESTER = address(0xcccc);
    address private constant RESCUER = address(0xdddd);

    JoyToken private _token;
    FakeSettlement private _settlement;

    function setUp() public {
        vm.warp(20_000 days);
        _token = new JoyToken(address(this));
        _settlement = new FakeSettlement();
    }

    function testFuzz_everyUnitOfAPenaltyIsBurntOrPaid(uint96 least, uint96 more, bool rescued, uint8 times) public {
        uint256 penalty = bound(least, 1, 1e26);
        uint256 stake = penalty + bound(more, 0, 5e26);
        NodeCoordinator nodes = _open(penalty);
        _register(nodes, stake);
        uint256 supply = _token.totalSupply();
        uint256 left = stake;
        for (uint256 i = 0; i < bound(times, 1, 6); ++i) {
            uint256 taken = left < penalty ? left : penalty;
            left -= taken;
            _fault(nodes, i, rescued);
        }
        uint256 taken_ = stake - left;
        uint256 paid = _token.balanceOf(REQUESTER) + _token.balanceOf(RESCUER);
        uint256 burnt = supply - _token.totalSupply();
        assertEq(_token.balanceOf(address(nodes)), left, "stake left");
        assertEq(paid + burnt, taken_, "nothing is lost or made");
        assertTrue(burnt >= paid, "never more than half is paid");
        assertTrue(burnt - paid <= 2 * 6, "and no less, but for odd units");
        assertTrue(rescued || _token.balanceOf(RESCUER) == 0, "nobody rescued");
        assertTrue(_token.balanceOf(RESCUER) <= _token.balanceOf(REQUESTER), "the requester comes first");
    }

    function testFuzz_aBondIsLostExactlyWhenAwardsExceedTheEscrow(
        uint256[5] memory prices,
        uint256[5] memory fees,
        uint256 escrow,
        uint96 bond
    ) public {
        NodeCoordinator nodes = _open(1);
        uint256 amount = bound(bond, 1, 1e26);
        _bond(nodes, amount);
        uint256 promised;
        Award[] memory awards = new Award[](5);
        bytes[] memory signatures = new bytes[](5);
        for (uint256 i = 0; i < 5; ++i) {
            awards[i] = _award(i * 3);
            (awards[i].price, awards[i].modelFee) = (bound(prices[i], 0, 1e27), bound(fees[i], 0, 1e27));
            if (i % 2 == 1) awards[i].worker = OTHER;
            promised += awards[i].price + awards[i].modelFee;
            signatures[i] = abi.encodePacked(REQUESTER);
        }
        // As often just below and above the sum as far away.
        escrow = escrow % 3 == 0 ? bound(escrow, 0, 2e28) : promised - (promised == 0 ? 0 : escrow % 2);
        _settlement.setEscrow(REQUESTER, escrow);
        uint256 supply = _token.totalSupply();
        try nodes.reportOvercommitted(awards, signatures) {
            assertTrue(promised > escrow, "a covered requester lost its bond");
            uint256 paid = _token.balanceOf(WORKER) + _token.balanceOf(OTHER);
            assertTrue(paid <= amount / 2, "at most half is paid");
            assertEq(paid + supply - _token.totalSupply(), amount, "the rest is burnt");
            assertEq(_token.balanceOf(address(nodes)), 0, "nothing stays");
        } catch (bytes memory error_) {
            assertTrue(promised <= escrow, "an uncovered requester kept its bond");
            assertTrue(bytes4(error_) == IBonds.Covered.selector, "refused for another reason");
        }
    }

    function testFuzz_anAwardThatWasPaidOrHasExpiredDoesNotCount(uint8 which, bool paid) public {
        NodeCoordinator nodes = _open(1);
        _bond(nodes, 100);
        Award[] memory awards = new Award[](3);
        bytes[] memory signatures = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            awards[i] = _award(i);
            awards[i].price = 10;
            signatures[i] = abi.encodePacked(REQUESTER);
        }
        uint256 index = which % 3;
        if (paid) _settlement.useNonce(REQUESTER, index);
        else awards[index].settleDeadline = uint64(block.timestamp - 1);
        try nodes.reportOvercommitted(awards, signatures) {
            assertTrue(false, "it counted");
        } catch (bytes memory error_) {
            assertTrue(
                keccak256(error_) == keccak256(abi.encodeWithSelector(IBonds.AwardNotOutstanding.selector, index)),
                "refused for another reason"
            );
        }
    }

    function _open(uint256 penalty) private returns (NodeCoordinator nodes) {
        nodes = new NodeCoordinator(_token, penalty, 6 days);
        _settlement.bind(nodes);
    }

    function _register(NodeCoordinator nodes, uint256 stake) private {
        _token.transfer(WORKER, stake);
        vm.prank(WORKER);
        _token.approve(address(nodes), stake);
        vm.prank(WORKER);
        nodes.register(abi.encodePacked(hex"1220", keccak256("peer")), 1, stake);
    }

    function _bond(NodeCoordinator nodes, uint256 amount) private {
        _token.transfer(REQUESTER, amount);
        vm.prank(REQUESTER);
        _token.approve(address(nodes), amount);
        vm.prank(REQUESTER);
        nodes.bond(amount);
    }

    function _fault(NodeCoordinator nodes, uint256 nonce, bool rescued) private {
        Award memory award = _award(nonce);
        bytes32 taskId = _settlement.hashAward(award);
        Result memory result = Result(taskId, 0);
        nodes.reportUnproved(award, abi.encodePacked(REQUESTER), result, abi.encodePacked(WORKER));
        if (rescued) _settlement.rescue(taskId, WORKER, REQUESTER, RESCUER);
        else nodes.closeReport(award);
    }

    function _award(uint256 nonce) private view returns (Award memory award) {
        (award.requester, award.worker, award.nonce) = (REQUESTER, WORKER, nonce);
        award.settleDeadline = uint64(block.timestamp + 1 hours);
    }
}
