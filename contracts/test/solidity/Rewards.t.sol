// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {JoyToken} from "../../contracts/JoyToken.sol";
import {Shares} from "../../contracts/libraries/Shares.sol";
import {ModelMarketplace} from "../../contracts/ModelMarketplace.sol";
import {ProofOfUse} from "../../contracts/ProofOfUse.sol";
import {ALL_BPS, Share} from "../../contracts/types/Share.sol";
import {Asserting, vm} from "../support/Vm.sol";

/// @notice Whether use of one's own models can pay. The test is the settlement contract, so that it can record any
/// use at all; it hands over what it records, as settlement does.
contract RewardsTest is Asserting {
    uint256 private constant EPOCH = 1 days;
    bytes32 private constant HONEST = keccak256("honest");
    address private constant CHEAT = address(0xc4ea7);

    JoyToken private _token;
    ModelMarketplace private _models;
    ProofOfUse private _use;

    function setUp() public {
        vm.warp(20_000 days);
        _token = new JoyToken(address(this));
        _models = new ModelMarketplace();
        _use = new ProofOfUse(_token, _models, address(this), uint64(EPOCH));
        _token.approve(address(_use), type(uint256).max);
        _models.register(HONEST, 0, "");
    }

    /// @dev One cheat is requester, worker and owner of several models at once; all it gives away are protocol fees.
    function testFuzz_useOfOwnModelsNeverEarnsMoreThanItCosts(
        uint256[6] memory own,
        uint256 others,
        uint256 gift,
        uint16 rewardBps,
        uint256 modelFee
    ) public {
        uint256 bps = bound(rewardBps, 0, ALL_BPS);
        uint256 epoch = _use.currentEpoch();
        gift = bound(gift, 0, 1e23);
        if (gift != 0) _use.fund(gift);
        _record(HONEST, bound(others, 0, 1e22), bps, 0);
        uint256 cost;
        for (uint256 i = 0; i < own.length; ++i) {
            uint256 fee = bound(own[i], 0, 1e22);
            vm.prank(CHEAT);
            _models.register(bytes32(i + 1), 0, "");
            _record(bytes32(i + 1), fee, bps, bound(modelFee, 0, 1e24));
            cost += fee;
        }
        vm.warp(block.timestamp + EPOCH);
        uint256 earned;
        for (uint256 i = 0; i < own.length; ++i) earned += _claim(bytes32(i + 1), epoch);
        assertTrue(earned <= cost, "own use earned more than it cost");
        assertEq(_token.balanceOf(CHEAT), earned, "received");
        _claim(HONEST, epoch);
        ProofOfUse.Pool memory pool = _use.poolOf(epoch);
        assertTrue(pool.claimed <= pool.amount, "more than the pool");
    }

    /// @dev Nor does it pay at the margin: with honest use of the model going on, more own use adds to the reward at
    /// most what it costs.
    function testFuzz_moreOwnUseNeverAddsMoreThanItCosts(uint256 honest, uint256 wash, uint256 others, uint256 gift)
        public
    {
        uint256 epoch = _use.currentEpoch();
        gift = bound(gift, 0, 1e23);
        if (gift != 0) _use.fund(gift);
        _record(HONEST, bound(others, 0, 1e22), 5_000, 0);
        vm.prank(CHEAT);
        _models.register("own", 0, "");
        _record("own", bound(honest, 0, 1e22), 5_000, 0);
        uint256 before = _use.rewardOf("own", epoch);
        wash = bound(wash, 0, 1e22);
        _record("own", wash, 5_000, 0);
        // The unit is the rounding of the first of the two rewards.
        assertTrue(_use.rewardOf("own", epoch) <= before + wash + 1, "the margin paid");
    }

    /// @dev Counts and model fees earn nothing: a million inferences with the highest model fee, and no protocol fee.
    function test_countsAndModelFeesEarnNothing() public {
        uint256 epoch = _use.currentEpoch();
        _use.fund(1e24);
        vm.prank(CHEAT);
        _models.register("own", 0, "");
        _use.record("own", 1_000_000, 1e26, 0, 0);
        _record(HONEST, 1e18, 5_000, 0);
        assertEq(_use.rewardOf("own", epoch), 0, "reward");
    }

    /// @dev What the pool keeps from one epoch is in the next, so nothing is created or lost between epochs.
    function testFuzz_thePoolsHoldWhatTheyStateOverEpochs(uint256[5] memory gifts, uint256[5] memory fees) public {
        uint256 first = _use.currentEpoch();
        for (uint256 i = 0; i < gifts.length; ++i) {
            uint256 gift = bound(gifts[i], 0, 1e24);
            if (gift != 0) _use.fund(gift);
            _record(HONEST, bound(fees[i], 0, 1e22), 5_000, 0);
            vm.warp(block.timestamp + EPOCH);
            ProofOfUse.Pool memory pool = _use.poolOf(first + i);
            if (pool.amount > _use.totalInEpoch(first + i).protocolFees) _use.carryOver(first + i);
            if (i % 2 == 0) _claim(HONEST, first + i);
        }
        uint256 held;
        for (uint256 i = 0; i <= gifts.length; ++i) {
            ProofOfUse.Pool memory pool = _use.poolOf(first + i);
            held += pool.amount - pool.claimed;
        }
        assertEq(_token.balanceOf(address(_use)), held, "held");
    }

    function testFuzz_partsAddUpToTheUnit(uint256 amount, uint16[7] memory cuts) public pure {
        Share[] memory shares = new Share[](8);
        uint256 left = ALL_BPS;
        for (uint256 i = 0; i < cuts.length; ++i) {
            uint256 bps = bound(cuts[i], 0, left);
            shares[i] = Share(address(uint160(i + 1)), uint16(bps));
            left -= bps;
        }
        shares[7] = Share(address(8), uint16(left));
        amount = bound(amount, 0, type(uint96).max);
        uint256[] memory parts = Shares.split(shares, amount);
        uint256 sum;
        for (uint256 i = 0; i < parts.length; ++i) {
            sum += parts[i];
            assertTrue(parts[i] <= (amount * shares[i].bps) / ALL_BPS + 7, "more than its share");
        }
        assertEq(sum, amount, "sum");
    }

    function _record(bytes32 model, uint256 protocolFees, uint256 bps, uint256 modelFee) private {
        uint256 pooled = (protocolFees * bps) / ALL_BPS;
        _use.record(model, 1, modelFee, protocolFees, pooled);
        _token.transfer(address(_use), pooled);
    }

    function _claim(bytes32 model, uint256 epoch) private returns (uint256) {
        if (_use.rewardOf(model, epoch) == 0) return 0;
        uint256[] memory epochs = new uint256[](1);
        epochs[0] = epoch;
        return _use.claimRewards(model, epochs);
    }
}
