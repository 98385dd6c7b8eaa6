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

/// @notice What must fail, whoever tries and whenever. What the attempts would move is in no ledger, so that an attempt
/// which succeeds breaks the invariants too.
contract Cheats is Asserting {
    World private _world;
    ProofOfInference private _poi;

    uint256 public attempts;
    uint256 private _nonce = 2_000_000;

    constructor(World world) {
        (_world, _poi) = (world, world.poi());
    }

    /// @dev A proved award that somebody else signed in the requester's name.
    function forge(uint256 who, uint256 forger, uint256 price) external {
        if (_world.stopped() || who % 4 == forger % 4) return;
        Award[] memory awards = _award(who, price);
        bytes[] memory signatures = _one(_world.sign(forger, _poi.hashAward(awards[0])));
        bytes32[] memory outputs = new bytes32[](1);
        bytes memory seal = _world.prove(_leaves(awards, outputs));
        uint256 paid = _poi.settleBatch(awards, signatures, outputs, seal, Payout.Direct);
        _world.expect("a forged award pays nothing", paid == 0);
        ++attempts;
    }

    /// @dev A genuine award with no proof, a proof of another output, and a slice of a batch that was never proved.
    function settleUnproved(uint256 who, uint256 price, bytes32 output) external {
        Award[] memory awards = _award(who, price);
        bytes[] memory signatures = _one(_world.sign(who, _poi.hashAward(awards[0])));
        bytes32[] memory outputs = new bytes32[](1);
        bytes memory seal = abi.encodePacked(_world.journals().SELECTOR());
        _refused(address(_poi), abi.encodeCall(_poi.settleBatch, (awards, signatures, outputs, seal, Payout.Direct)));
        _world.prove(_leaves(awards, outputs));
        outputs[0] = output == bytes32(0) ? bytes32(uint256(1)) : output;
        _refused(address(_poi), abi.encodeCall(_poi.settleBatch, (awards, signatures, outputs, seal, Payout.Direct)));
        Slice memory slice = Slice(1, 0, new bytes32[](0));
        _refused(address(_poi), abi.encodeCall(_poi.settleSlice, (awards, signatures, outputs, slice, Payout.Direct)));
    }

    /// @dev One award twice in a proved batch.
    function repeat(uint256 who, uint256 price, uint256 nonce) external {
        if (_world.stopped()) return;
        Award[] memory one = _award(who, price);
        one[0].nonce = 1_000 + nonce % 100;
        if (_world.paid(one[0].requester, one[0].nonce)) return;
        if (one[0].price + one[0].modelFee > _poi.escrowOf(one[0].requester)) return;
        Award[] memory awards = new Award[](2);
        (awards[0], awards[1]) = (one[0], one[0]);
        bytes[] memory signatures = new bytes[](2);
        signatures[0] = _world.sign(who, _poi.hashAward(one[0]));
        signatures[1] = signatures[0];
        bytes32[] memory outputs = new bytes32[](2);
        bytes memory seal = _world.prove(_leaves(awards, outputs));
        uint256 paid = _poi.settleBatch(awards, signatures, outputs, seal, Payout.Direct);
        _world.expect("a repeated award pays once", paid == 1);
        bool[] memory isPaid = new bool[](1);
        isPaid[0] = true;
        _world.notePaid(one, isPaid, address(0), address(0));
        ++attempts;
    }

    /// @dev Escrow, stake and bond before they are due.
    function hurry(uint256 who) external {
        address from = _world.person(who);
        NodeCoordinator nodes = _world.nodes();
        (, uint64 due) = _poi.withdrawalOf(from);
        if (block.timestamp < due || due == 0) _refusedTo(from, address(_poi), abi.encodeCall(_poi.withdraw, ()));
        (INodeCoordinator.Node memory node,) = nodes.nodeOf(from);
        due = node.withdrawableAt;
        if (block.timestamp < due || due == 0) _refusedTo(from, address(nodes), abi.encodeCall(nodes.withdraw, ()));
        (, due) = nodes.bondOf(from);
        if (block.timestamp < due || due == 0) _refusedTo(from, address(nodes), abi.encodeCall(nodes.withdrawBond, ()));
    }

    /// @dev Every call that is for the contracts themselves or for a role, by each of those who have not that role.
    function usurp(uint256 which, uint256 caller, address target, uint96 amount) external {
        address[4] memory callers = [_world.STRANGER(), _world.PAUSER(), _world.GOVERNOR(), _world.person(caller)];
        (address contract_, bytes memory call) = _privileged(which, target, amount);
        address from = callers[caller % 4];
        bool itsOwn = from == _world.GOVERNOR() && (contract_ == address(_world.parameters())
            || contract_ == address(_world.zkVerifier()));
        if (itsOwn) return;
        _refusedTo(from, contract_, call);
    }

    function _privileged(uint256 which, address target, uint96 amount)
        private
        view
        returns (address contract_, bytes memory call)
    {
        Award memory award;
        (award.requester, award.worker, award.price) = (target, target, amount);
        bytes4 selector = _world.journals().SELECTOR();
        which %= 11;
        if (which == 0) return (address(_poi), abi.encodeCall(_poi.openReport, (award, target, true)));
        if (which == 1) return (address(_poi), abi.encodeCall(_poi.releaseReport, (award)));
        if (which == 2) return (address(_world.nodes()), abi.encodeCall(_world.nodes().recordSettled, (target, 1)));
        if (which == 3) {
            return (address(_world.nodes()), abi.encodeCall(_world.nodes().recordAnswered, (bytes32(0), target)));
        }
        if (which == 4) {
            bytes memory slash = abi.encodeCall(_world.nodes().slashRescued, (bytes32(0), target, target, target));
            return (address(_world.nodes()), slash);
        }
        if (which == 5) return (address(_world.nodes()), abi.encodeCall(_world.nodes().bind, ()));
        if (which == 6) {
            bytes memory record = abi.encodeCall(_world.use().record, (bytes32(0), 1, amount, amount, amount));
            return (address(_world.use()), record);
        }
        if (which == 7) {
            bytes memory set = abi.encodeCall(_world.parameters().set, (_world.parameters().current()));
            return (address(_world.parameters()), set);
        }
        if (which == 8) {
            return (address(_world.zkVerifier()), abi.encodeCall(_world.zkVerifier().unpause, (selector)));
        }
        if (which == 9) return (address(_poi), abi.encodeCall(_poi.vouchReport, (bytes32(0))));
        return (address(_world.zkVerifier()), abi.encodeCall(_world.zkVerifier().setPauser, (target)));
    }

    function _refusedTo(address from, address target, bytes memory call) private {
        vm.prank(from);
        _refused(target, call);
    }

    function _refused(address target, bytes memory call) private {
        ++attempts;
        (bool success,) = target.call(call);
        _world.expect("what must be refused is refused", !success);
    }

    function _award(uint256 who, uint256 price) private returns (Award[] memory awards) {
        awards = new Award[](1);
        awards[0].requester = _world.person(who);
        awards[0].worker = _world.STRANGER();
        awards[0].modelDigest = _world.model(who);
        awards[0].modelFee = 20;
        awards[0].price = bound(price, 0, _poi.escrowOf(awards[0].requester)) / 4;
        awards[0].settleDeadline = uint64(block.timestamp + 1 hours);
        awards[0].nonce = _nonce++;
    }

    function _leaves(Award[] memory awards, bytes32[] memory outputs) private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](awards.length);
        for (uint256 i = 0; i < awards.length; ++i) {
            bytes32 taskId = _poi.hashAward(awards[i]);
            leaves[i] = MerkleBatch.leaf(taskId, awards[i].modelDigest, awards[i].inputDigest, outputs[i]);
        }
    }

    function _one(bytes memory signature) private pure returns (bytes[] memory signatures) {
        signatures = new bytes[](1);
        signatures[0] = signature;
    }
}
