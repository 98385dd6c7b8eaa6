// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INodeCoordinator} from "../../contracts/interfaces/INodeCoordinator.sol";
import {IProofOfUse} from "../../contracts/interfaces/IProofOfUse.sol";
import {NodeCoordinator} from "../../contracts/NodeCoordinator.sol";
import {ProofOfInference} from "../../contracts/ProofOfInference.sol";
import {ProofOfUse} from "../../contracts/ProofOfUse.sol";
import {Share} from "../../contracts/types/Share.sol";
import {Asserting} from "../support/Vm.sol";
import {Cheats} from "../support/world/Cheats.sol";
import {Disputes} from "../support/world/Disputes.sol";
import {Owners} from "../support/world/Owners.sol";
import {Talks} from "../support/world/Talks.sol";
import {Trade} from "../support/world/Trade.sol";
import {World} from "../support/world/World.sol";

/// @notice What holds after any sequence of actions of anybody. All are checked after each call of one campaign: the
/// runner would repeat the whole campaign for every function whose name begins with `invariant`.
contract InvariantsTest is Asserting {
    World private _world;
    Trade private _trade;
    Disputes private _disputes;
    Owners private _owners;
    Cheats private _cheats;
    Talks private _talks;
    ProofOfInference private _poi;
    NodeCoordinator private _nodes;
    ProofOfUse private _use;
    uint256 private _firstEpoch;

    function setUp() public {
        _world = new World();
        (_trade, _disputes) = (new Trade(_world), new Disputes(_world));
        (_owners, _cheats) = (new Owners(_world), new Cheats(_world));
        _talks = new Talks(_world);
        (_poi, _nodes, _use) = (_world.poi(), _world.nodes(), _world.use());
        _firstEpoch = _use.currentEpoch();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](5);
        (targets[0], targets[1]) = (address(_trade), address(_disputes));
        (targets[2], targets[3]) = (address(_owners), address(_cheats));
        targets[4] = address(_talks);
    }

    function invariant_all() public {
        everybodyOwnsExactlyWhatTheLedgerSays();
        settlementHoldsExactlyEscrowsReservesAndCredits();
        reservesAreThoseOfOpenReports();
        creditsAddUp();
        coordinatorHoldsExactlyStakesAndBonds();
        stakesFallOnlyByWithdrawalAndSlashing();
        useHoldsExactlyRoyaltiesAndPools();
        poolsPayNoMoreThanTheyHoldNorThanWasPaidInFees();
        theSupplyFallsByBurnsAlone();
        noJoyIsMadeOrLost();
        noNoncePaysTwice();
        recordsCountExactlyThePaidAwards();
        feesPaidAreFeesRecorded();
        sharesAddUpToTheWhole();
        nothingHappensThatTheRulesForbid();
    }

    /// @dev No order of calls gives a role more than it put in plus earned, or less.
    function everybodyOwnsExactlyWhatTheLedgerSays() internal {
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) _own(_world.person(i), "a person");
        _own(_world.TREASURY(), "the treasury");
        _own(_world.STRANGER(), "the stranger");
        _own(_world.GOVERNOR(), "the governor");
        _own(_world.PAUSER(), "the pauser");
        _own(address(_use), "the record of use");
    }

    function settlementHoldsExactlyEscrowsReservesAndCredits() internal {
        uint256 escrows;
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) escrows += _poi.escrowOf(_world.person(i));
        uint256 owed = escrows + _poi.totalReserved() + _poi.totalCredits();
        assertEq(_world.token().balanceOf(address(_poi)), owed, "held by settlement");
    }

    function reservesAreThoseOfOpenReports() internal {
        uint256 reserves;
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) reserves += _world.reserved(_world.person(i));
        assertEq(_poi.totalReserved(), reserves, "reserved");
    }

    function creditsAddUp() internal {
        uint256 credits = _poi.creditOf(_world.TREASURY()) + _poi.creditOf(_world.STRANGER());
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) credits += _poi.creditOf(_world.person(i));
        assertEq(_poi.totalCredits(), credits, "credits");
    }

    function coordinatorHoldsExactlyStakesAndBonds() internal {
        uint256 owed;
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) {
            (uint256 bond,) = _nodes.bondOf(_world.person(i));
            owed += _world.stakeOf(_world.person(i)) + bond;
        }
        assertEq(_world.token().balanceOf(address(_nodes)), owed, "stakes and bonds");
    }

    function stakesFallOnlyByWithdrawalAndSlashing() internal {
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) {
            address worker = _world.person(i);
            assertEq(_world.stakeOf(worker), _world.stakes(worker), "stake");
        }
    }

    function useHoldsExactlyRoyaltiesAndPools() internal view {
        uint256 owed;
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) owed += _use.royaltiesOf(_world.model(i));
        for (uint256 epoch = _firstEpoch; epoch <= _use.currentEpoch(); ++epoch) {
            IProofOfUse.Pool memory pool = _use.poolOf(epoch);
            owed += pool.amount - pool.claimed;
        }
        assertEq(_world.token().balanceOf(address(_use)), owed, "royalties and pools");
    }

    function poolsPayNoMoreThanTheyHoldNorThanWasPaidInFees() internal view {
        for (uint256 epoch = _firstEpoch; epoch <= _use.currentEpoch(); ++epoch) {
            IProofOfUse.Pool memory pool = _use.poolOf(epoch);
            assertTrue(pool.claimed <= pool.amount, "more than the pool");
            assertTrue(pool.claimed <= _use.totalInEpoch(epoch).protocolFees, "more than the protocol fees");
        }
    }

    function theSupplyFallsByBurnsAlone() internal view {
        assertEq(_world.token().totalSupply(), _world.token().SUPPLY() - _world.burnt(), "supply");
    }

    function noJoyIsMadeOrLost() internal {
        uint256 total = _world.token().balanceOf(address(_poi)) + _world.token().balanceOf(address(_nodes));
        total += _world.token().balanceOf(address(_use)) + _world.token().balanceOf(address(_world));
        total += _world.token().balanceOf(_world.TREASURY()) + _world.token().balanceOf(_world.STRANGER());
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) total += _world.token().balanceOf(_world.person(i));
        assertEq(total, _world.token().totalSupply(), "all JOY");
    }

    function noNoncePaysTwice() internal view {
        assertTrue(_world.mostPaid() == (_world.settled() == 0 ? 0 : 1), "a nonce paid twice");
    }

    /// @dev What is on a record was proved: the ledger books proved awards alone, and calls of sessions apart.
    function recordsCountExactlyThePaidAwards() internal {
        (, INodeCoordinator.Record memory record) = _nodes.nodeOf(_world.STRANGER());
        uint256 records = record.settled;
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) {
            (, record) = _nodes.nodeOf(_world.person(i));
            records += record.settled;
        }
        assertEq(records, _world.settled(), "records");
    }

    function feesPaidAreFeesRecorded() internal view {
        (uint256 count, uint256 fees, uint256 protocolFees) = (0, 0, 0);
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) {
            IProofOfUse.Use memory use = _use.useOf(_world.model(i));
            (count, fees, protocolFees) = (count + use.count, fees + use.fees, protocolFees + use.protocolFees);
        }
        assertEq(count, _world.settled() + _world.called(), "use");
        assertEq(fees, _world.modelFees(), "model fees");
        assertEq(protocolFees, _world.protocolFees(), "protocol fees");
    }

    function sharesAddUpToTheWhole() internal view {
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) {
            Share[] memory shares = _world.models().sharesOf(_world.model(i));
            uint256 whole;
            for (uint256 j = 0; j < shares.length; ++j) whole += shares[j].bps;
            assertEq(whole, 10_000, "shares");
        }
    }

    function nothingHappensThatTheRulesForbid() internal view {
        if (_world.surprises() != 0) revert NotTrue(_world.firstSurprise());
    }

    function _own(address account, string memory who) private view {
        assertEq(_world.wealth(account), _world.owns(account), who);
    }

    /// @dev The invariants would hold as well if no action ever did anything.
    function test_theActionsReachEveryEnd() public {
        for (uint256 i = 0; i < 4; ++i) {
            _trade.deposit(i, 10_000 + i);
            _trade.stake(i, 5_000);
            _disputes.bond(i, 100);
        }
        _trade.settle(7, 100, 3, 0, true, true);
        assertTrue(_world.settled() > 0, "settled");
        for (uint256 i = 0; i < 6; ++i) _talks.settle(i, uint32(5 + i), uint8(i), 0, i % 2 == 0);
        _talks.settle(2, 30, 0, 1, false);
        _talks.settle(2, 30, 2, 2, false);
        _talks.settle(2, 30, 2, 0, false);
        assertEq(_talks.settlements(), 7, "sessions");
        invariant_all();
        _owners.fund(0, 1e20);
        for (uint256 end = 0; end < 3; ++end) {
            _disputes.undertake(0, 0, 1, 50);
            _disputes.showTwoResults(0);
            _trade.pass(2 hours - 1);
            _disputes.report(0, end == 0 ? 1 : 0);
            if (end == 2) _disputes.raise(0);
            if (end == 0) _disputes.answer(0, true);
            for (uint256 day = 0; day < end; ++day) _trade.pass(1 days - 1);
            if (end == 1) _trade.pass(0);
            if (end == 1) _disputes.rescue(0, 2, false);
            if (end == 2) _trade.pass(0);
            if (end == 2) _disputes.close(0);
            invariant_all();
        }
        assertEq(_disputes.answered(), 1, "answered");
        assertEq(_disputes.rescued(), 1, "rescued");
        assertEq(_disputes.closed(), 1, "closed");
        assertEq(_disputes.punished(), 5, "punished");
        _disputes.overcommit(0, 1);
        _owners.moveShare(1, 0, 3, 2_000);
        _cheats.forge(0, 1, 10);
        _cheats.settleUnproved(0, 10, 0);
        _cheats.repeat(1, 10, 0);
        for (uint256 i = 0; i < 4; ++i) _cheats.hurry(i);
        for (uint256 i = 0; i < 44; ++i) _cheats.usurp(i / 4, i, address(this), 5);
        assertTrue(_cheats.attempts() > 50, "attempts");
        _trade.pass(1 days - 1);
        for (uint256 i = 0; i < 4; ++i) {
            _owners.claimRoyalties(i);
            _owners.claimRewards(i, 0);
            _owners.claimRewards(i, 1);
            _trade.withdrawCredit(i);
            _trade.requestWithdrawal(i, 10);
            _trade.unbond(i);
            _disputes.unbondBond(i);
        }
        _owners.carryOver(1);
        for (uint256 i = 0; i < 8; ++i) _trade.pass(1 days - 1);
        for (uint256 i = 0; i < 4; ++i) {
            _trade.withdraw(i);
            _trade.unbond(i);
            _disputes.unbondBond(i);
        }
        assertTrue(_world.burnt() > 0, "burnt");
        invariant_all();
    }
}
