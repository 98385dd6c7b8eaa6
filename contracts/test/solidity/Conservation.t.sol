// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INodeCoordinator} from "../../contracts/interfaces/INodeCoordinator.sol";
import {IProofOfUse} from "../../contracts/interfaces/IProofOfUse.sol";
import {MarketHandler} from "../support/MarketHandler.sol";
import {Asserting} from "../support/Vm.sol";

/// @notice What holds after any sequence of actions.
contract ConservationTest is Asserting {
    MarketHandler private _market;

    function setUp() public {
        _market = new MarketHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_market);
    }

    /// @dev The invariants would hold as well if no action ever did anything.
    function test_theActionsReachPaymentWithdrawalAndUnbonding() public {
        address first = _market.actor(0);
        _market.deposit(0, 999);
        _market.settle(0, 1, 3, 100, 10, false);
        _market.settle(0, 1, 3, 100, 10, false);
        _market.settle(0, 1, 4, 100, 10, true);
        assertEq(_market.settled(), 1, "settled");
        _market.requestWithdrawal(0, 50);
        _market.stake(0, 10);
        _market.unbond(0);
        _market.pass(3 days - 1);
        _market.pass(3 days - 1);
        _market.pass(3 days - 1);
        uint256 before = _market.token().balanceOf(first);
        _market.withdraw(0);
        _market.unbond(0);
        assertEq(_market.token().balanceOf(first), before + 51 + 11, "withdrawn");
    }

    function invariant_settlementHoldsExactlyTheEscrows() public {
        uint256 escrows;
        for (uint256 i = 0; i < _market.ACTORS(); ++i) escrows += _market.poi().escrowOf(_market.actor(i));
        assertEq(_market.token().balanceOf(address(_market.poi())), escrows, "escrows");
    }

    function invariant_coordinatorHoldsExactlyTheStakes() public {
        uint256 stakes;
        for (uint256 i = 0; i < _market.ACTORS(); ++i) {
            (INodeCoordinator.Node memory node,) = _market.nodes().nodeOf(_market.actor(i));
            stakes += node.stake;
        }
        assertEq(_market.token().balanceOf(address(_market.nodes())), stakes, "stakes");
    }

    function invariant_noJoyIsMadeOrLost() public {
        uint256 total = _market.token().balanceOf(address(_market.poi()));
        total += _market.token().balanceOf(address(_market.nodes()));
        total += _market.token().balanceOf(address(0xfee));
        total += _market.token().balanceOf(address(_market.poi().proofOfUse()));
        total += _market.token().balanceOf(address(_market));
        for (uint256 i = 0; i < _market.ACTORS(); ++i) total += _market.token().balanceOf(_market.actor(i));
        assertEq(total, _market.token().SUPPLY(), "supply");
    }

    function invariant_noNoncePaysTwice() public view {
        assertTrue(_market.mostPaid() <= 1, "a nonce paid twice");
    }

    function invariant_anEscrowIsChargedForPaidAwardsAlone() public view {
        assertEq(_market.unexplained(), 0, "unexplained charges");
    }

    function invariant_recordsCountExactlyThePaidAwards() public {
        uint256 records;
        for (uint256 i = 0; i < _market.ACTORS(); ++i) {
            (, INodeCoordinator.Record memory record) = _market.nodes().nodeOf(_market.actor(i));
            records += record.settled;
        }
        assertEq(records, _market.settled(), "records");
        IProofOfUse.Use memory use = _market.poi().proofOfUse().useOf(_market.MODEL());
        assertEq(use.count, _market.settled(), "use");
        assertEq(use.fees, _market.fees(), "fees");
    }
}
