// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INodeCoordinator} from "../../../contracts/interfaces/INodeCoordinator.sol";
import {MerkleBatch} from "../../../contracts/libraries/MerkleBatch.sol";
import {NodeCoordinator} from "../../../contracts/NodeCoordinator.sol";
import {ProofOfInference} from "../../../contracts/ProofOfInference.sol";
import {Award} from "../../../contracts/types/Award.sol";
import {Payout} from "../../../contracts/types/Payout.sol";
import {Slice} from "../../../contracts/types/Slice.sol";
import {Asserting, vm} from "../Vm.sol";
import {World} from "./World.sol";

/// @notice Honest trade: escrow, stake, settlement, credits. Each action is chosen so that it must succeed, or is
/// skipped: a revert is a failed test.
contract Trade is Asserting {
    /// @dev What is submitted together, who signs, and which awards the rules say are paid.
    struct Batch {
        Award[] awards;
        bytes[] signatures;
        bytes32[] outputs;
        bool[] expected;
        uint256[] signers;
    }

    World private _world;
    ProofOfInference private _poi;
    NodeCoordinator private _nodes;

    constructor(World world) {
        (_world, _poi, _nodes) = (world, world.poi(), world.nodes());
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 1 days));
    }

    function deposit(uint256 who, uint256 amount) external {
        address requester = _world.person(who);
        uint256 most = _world.token().balanceOf(requester);
        if (most == 0) return;
        vm.prank(requester);
        _poi.deposit(bound(amount, 1, most));
    }

    function requestWithdrawal(uint256 who, uint256 amount) external {
        address requester = _world.person(who);
        uint256 most = _poi.escrowOf(requester);
        if (most == 0) return;
        vm.prank(requester);
        _poi.requestWithdrawal(bound(amount, 1, most));
        (, uint64 availableAt) = _poi.withdrawalOf(requester);
        _world.expect("a withdrawal waits two days", availableAt == block.timestamp + 2 days);
    }

    function cancelWithdrawal(uint256 who) external {
        address requester = _world.person(who);
        (uint256 amount,) = _poi.withdrawalOf(requester);
        if (amount == 0) return;
        vm.prank(requester);
        _poi.cancelWithdrawal();
    }

    function withdraw(uint256 who) external {
        address requester = _world.person(who);
        (uint256 amount, uint64 availableAt) = _poi.withdrawalOf(requester);
        if (amount == 0 || block.timestamp < availableAt) return;
        vm.prank(requester);
        _poi.withdraw();
    }

    function withdrawCredit(uint256 who) external {
        address account = _world.person(who);
        if (_poi.creditOf(account) == 0) return;
        vm.prank(account);
        _poi.withdrawCredit();
    }

    function stake(uint256 who, uint256 amount) external {
        address worker = _world.person(who);
        uint256 most = _world.token().balanceOf(worker);
        if (most < 10 * _world.PENALTY()) return;
        (INodeCoordinator.Node memory node,) = _nodes.nodeOf(worker);
        amount = bound(amount, _world.PENALTY(), 10 * _world.PENALTY());
        vm.prank(worker);
        if (node.peerId.length != 0) _nodes.addStake(amount);
        else _nodes.register(abi.encodePacked(hex"1220", keccak256(abi.encode(worker))), 2, amount);
        _world.noteStaked(worker, amount);
    }

    function unbond(uint256 who) external {
        address worker = _world.person(who);
        (INodeCoordinator.Node memory node,) = _nodes.nodeOf(worker);
        if (node.peerId.length == 0) return;
        if (node.withdrawableAt != 0 && block.timestamp < node.withdrawableAt) return;
        if (node.withdrawableAt != 0 && _nodes.reportsOf(worker).total != 0) return;
        if (node.withdrawableAt != 0) _world.noteUnstaked(worker, node.stake);
        vm.prank(worker);
        if (node.withdrawableAt != 0) return _nodes.withdraw();
        _nodes.deactivate();
        (node,) = _nodes.nodeOf(worker);
        _world.expect("stake unbonds for a week", node.withdrawableAt == block.timestamp + 7 days);
    }

    /// @dev Up to three awards with at most one flaw each. Nonces are few, so that many are used twice; prices lie
    /// around what escrows hold.
    function settle(uint256 seed, uint256 price, uint256 fee, uint8 flaws, bool credit, bool sliced) external {
        if (_world.stopped()) return;
        Batch memory batch = _open(1 + seed % 3);
        for (uint256 i = 0; i < batch.awards.length; ++i) {
            _add(batch, i, uint256(keccak256(abi.encode(seed, i))), price, fee, (flaws >> (2 * i)) & 3);
            batch.awards[i].modelDigest = _world.model(seed >> 8);
            _sign(batch, i, (flaws >> (2 * i)) & 3);
        }
        uint256 hits = _foresee(batch);
        uint256 before = _poi.escrowOf(batch.awards[0].requester);
        uint256 paid = _submit(batch, credit ? Payout.Credit : Payout.Direct, sliced);
        _world.expect("exactly the awards in order pay", hits == paid);
        bool charged = _poi.escrowOf(batch.awards[0].requester) != before;
        _world.expect("an unpaid batch charges nobody", paid != 0 || !charged);
        _world.notePaid(batch.awards, batch.expected, address(0), address(0));
    }

    function _submit(Batch memory batch, Payout payout, bool sliced) private returns (uint256) {
        uint256 count = batch.awards.length;
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            Award memory award = batch.awards[i];
            leaves[i] =
                MerkleBatch.leaf(_poi.hashAward(award), award.modelDigest, award.inputDigest, batch.outputs[i]);
        }
        bytes memory seal = _world.prove(leaves);
        if (!sliced) return _poi.settleBatch(batch.awards, batch.signatures, batch.outputs, seal, payout);
        _poi.proveBatch(uint32(count), MerkleBatch.root(leaves), seal);
        Slice memory whole = Slice(uint32(count), 0, new bytes32[](0));
        return _poi.settleSlice(batch.awards, batch.signatures, batch.outputs, whole, payout);
    }

    /// @dev By the rules, not by the contract: signature, nonce, deadlines, fee, and escrow after those before it.
    function _foresee(Batch memory batch) private view returns (uint256 hits) {
        for (uint256 i = 0; i < batch.awards.length; ++i) {
            Award memory award = batch.awards[i];
            (, uint256 minFee) = _world.models().feeOf(award.modelDigest);
            uint256 escrow = _poi.escrowOf(award.requester);
            bool fresh = !_world.paid(award.requester, award.nonce);
            for (uint256 j = 0; j < i; ++j) {
                Award memory other = batch.awards[j];
                if (!batch.expected[j] || other.requester != award.requester) continue;
                escrow -= other.price + other.modelFee;
                if (other.nonce == award.nonce) fresh = false;
            }
            batch.expected[i] = fresh && batch.signatures[i].length == 65 && award.settleDeadline >= block.timestamp
                && award.settleDeadline <= block.timestamp + 1 days && award.modelFee >= minFee
                && award.price + award.modelFee <= escrow;
            if (batch.expected[i]) ++hits;
        }
    }

    function _open(uint256 count) private pure returns (Batch memory) {
        return Batch(
            new Award[](count), new bytes[](count), new bytes32[](count), new bool[](count), new uint256[](count)
        );
    }

    function _add(Batch memory batch, uint256 i, uint256 draw, uint256 price, uint256 fee, uint256 flaw) private {
        Award memory award = batch.awards[i];
        (batch.signers[i], batch.outputs[i]) = (draw % 4, bytes32(draw));
        award.requester = _world.person(draw);
        award.worker = _world.person(draw >> 8);
        award.price = bound(price ^ draw, 0, _poi.escrowOf(award.requester) + 5);
        if (draw % 5 != 0) award.price /= 16;
        award.modelFee = bound(fee ^ draw, 8, 20);
        award.settleDeadline = uint64(block.timestamp + 1 hours);
        if (flaw == 1) award.settleDeadline = uint64(block.timestamp - 1);
        if (flaw == 2) award.settleDeadline = uint64(block.timestamp + 1 days + 1);
        award.nonce = (draw >> 16) % 300;
    }

    /// @dev A flaw is an empty signature, which no account made; forged ones are with the cheats.
    function _sign(Batch memory batch, uint256 i, uint256 flaw) private {
        if (flaw != 3) batch.signatures[i] = _world.sign(batch.signers[i], _poi.hashAward(batch.awards[i]));
    }
}
