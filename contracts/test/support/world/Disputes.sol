// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INodeCoordinator} from "../../../contracts/interfaces/INodeCoordinator.sol";
import {ISlashing} from "../../../contracts/interfaces/ISlashing.sol";
import {MerkleBatch} from "../../../contracts/libraries/MerkleBatch.sol";
import {NodeCoordinator} from "../../../contracts/NodeCoordinator.sol";
import {ProofOfInference} from "../../../contracts/ProofOfInference.sol";
import {Award} from "../../../contracts/types/Award.sol";
import {Bid} from "../../../contracts/types/Bid.sol";
import {Offer} from "../../../contracts/types/Offer.sol";
import {Papers} from "../../../contracts/types/Papers.sol";
import {Payout} from "../../../contracts/types/Payout.sol";
import {Result} from "../../../contracts/types/Result.sol";
import {Slice} from "../../../contracts/types/Slice.sol";
import {Asserting, vm} from "../Vm.sol";
import {World} from "./World.sol";

/// @notice Promises that are broken, reported, answered, rescued and punished, each in the order that time allows.
contract Disputes is Asserting {
    enum State {
        Empty,
        Promised,
        Reported
    }

    struct Promise {
        State state;
        uint256 worker;
        bool vouched;
        address reporter;
        uint64 reportedAt;
        Papers papers;
    }

    bytes private constant INPUT = "input";
    bytes32 private constant OUTPUT = keccak256("output");
    uint256 private constant SLOTS = 3;

    World private _world;
    ProofOfInference private _poi;
    NodeCoordinator private _nodes;

    Promise[SLOTS] private _promises;
    uint256 private _nonce = 1_000_000;

    /// @notice Ends of reports, by kind, so that a test can see that each is reached.
    uint256 public answered;
    uint256 public rescued;
    uint256 public closed;
    uint256 public punished;

    constructor(World world) {
        (_world, _poi, _nodes) = (world, world.poi(), world.nodes());
    }

    function undertake(uint256 slot, uint256 who, uint256 worker, uint256 price) external {
        Promise storage it = _promises[slot % SLOTS];
        if (it.state == State.Reported) return;
        uint256 most = _poi.freeEscrow(_world.person(who)) / 4;
        delete _promises[slot % SLOTS];
        it.state = State.Promised;
        it.worker = worker;
        _write(it.papers, who, worker, bound(price, 0, most), _world.model(worker ^ who));
    }

    /// @dev Kinds: 0 on the bid alone, 1 by a signed result, 2 on the bid, which somebody raises by a result at once.
    function report(uint256 slot, uint8 kind) external {
        bool vouched = kind % 3 == 1;
        Promise storage it = _promises[slot % SLOTS];
        Award memory award = it.papers.award;
        uint256 deadline = award.settleDeadline;
        if (it.state != State.Promised || block.timestamp <= deadline) return;
        if (block.timestamp > deadline + 1 days) return;
        uint256 amount = award.price + award.modelFee;
        if (amount > _poi.freeEscrow(award.requester)) return;
        if (!vouched && _nodes.reportsOf(award.worker).unvouched >= _capacityOf(award.worker)) return;
        bytes32 taskId = _poi.hashAward(award);
        if (vouched) {
            (Result memory result, bytes memory signature) = _result(it, taskId, OUTPUT);
            vm.prank(award.requester);
            _nodes.reportUnproved(award, it.papers.awardSignature, result, signature);
        } else {
            Papers memory papers = it.papers;
            vm.prank(award.requester);
            _nodes.reportMissed(papers, INPUT);
        }
        (it.state, it.vouched, it.reporter) = (State.Reported, vouched, award.requester);
        it.reportedAt = uint64(block.timestamp);
        _world.noteReserved(award.requester, amount, true);
        if (kind % 3 == 2) _raise(it);
    }

    /// @dev Anybody shows the result of a worker that is under report on its bid alone.
    function raise(uint256 slot) external {
        Promise storage it = _promises[slot % SLOTS];
        if (it.state == State.Reported && !it.vouched) _raise(it);
    }

    /// @dev The worker settles in the answer window, paid by what the report set aside.
    function answer(uint256 slot, bool credit) external {
        Promise storage it = _promises[slot % SLOTS];
        if (it.state != State.Reported || _world.stopped()) return;
        if (block.timestamp > it.reportedAt + 1 days) return;
        Award[] memory awards = new Award[](1);
        awards[0] = it.papers.award;
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = it.papers.awardSignature;
        bytes32[] memory outputs = new bytes32[](1);
        outputs[0] = OUTPUT;
        bytes memory seal = _world.prove(_leaf(awards[0], _poi.hashAward(awards[0])));
        uint256 paid = _poi.settleBatch(awards, signatures, outputs, seal, credit ? Payout.Credit : Payout.Direct);
        _world.expect("an answered report pays", paid == 1);
        _end(it, awards, address(0));
        ++answered;
    }

    /// @dev Another worker proves the task for itself; before that somebody tries with the same proof, in vain.
    function rescue(uint256 slot, uint256 rescuer, bool credit) external {
        Promise storage it = _promises[slot % SLOTS];
        if (it.state != State.Reported || _world.stopped()) return;
        if (block.timestamp <= it.reportedAt + 1 days || block.timestamp > it.reportedAt + 2 days) return;
        Award[] memory awards = new Award[](1);
        awards[0] = it.papers.award;
        address saviour = _world.person(rescuer);
        bytes32 taskId = _poi.hashAward(awards[0]);
        bytes32[] memory leaves = _leaf(awards[0], _poi.hashRescue(taskId, saviour));
        bytes memory seal = _world.prove(leaves);
        _poi.proveBatch(1, leaves[0], seal);
        Slice memory slice = Slice(1, 0, new bytes32[](0));
        try _poi.rescue(awards[0], OUTPUT, _world.STRANGER(), slice, Payout.Direct) {
            _world.expect("a copied proof rescues nothing", false);
        } catch {}
        _poi.rescue(awards[0], OUTPUT, saviour, slice, credit ? Payout.Credit : Payout.Direct);
        bool excused = _excused(it);
        _end(it, awards, saviour);
        if (!excused) _punish(awards[0], saviour);
        ++rescued;
    }

    function close(uint256 slot) external {
        Promise storage it = _promises[slot % SLOTS];
        if (it.state != State.Reported || block.timestamp <= it.reportedAt + 2 days) return;
        Award memory award = it.papers.award;
        bool guilty = it.vouched && !_excused(it);
        _nodes.closeReport(award);
        _world.noteReserved(it.reporter, award.price + award.modelFee, false);
        it.state = State.Empty;
        if (guilty) _punish(award, address(0));
        ++closed;
    }

    /// @dev A worker signs two results for one task; shown twice, it pays once.
    function showTwoResults(uint256 slot) external {
        Promise storage it = _promises[slot % SLOTS];
        Award memory award = it.papers.award;
        if (it.state == State.Empty || block.timestamp > award.settleDeadline + 3 days) return;
        bytes32 taskId = _poi.hashAward(award);
        if (_nodes.isPunished(taskId, ISlashing.Fault.FalseResult)) return;
        bytes memory awardSignature = it.papers.awardSignature;
        (Result memory one, bytes memory first) = _result(it, taskId, OUTPUT);
        (Result memory two, bytes memory second) = _result(it, taskId, bytes32(0));
        _nodes.reportTwoResults(award, awardSignature, one, first, two, second);
        _punish(award, address(0));
        try _nodes.reportTwoResults(award, awardSignature, one, first, two, second) {
            _world.expect("a fault costs once", false);
        } catch {}
    }

    function bond(uint256 who, uint256 amount) external {
        address requester = _world.person(who);
        uint256 most = _world.token().balanceOf(requester) / 100;
        if (most == 0) return;
        vm.prank(requester);
        _nodes.bond(bound(amount, 1, most));
    }

    function unbondBond(uint256 who) external {
        address requester = _world.person(who);
        (uint256 amount, uint64 withdrawableAt) = _nodes.bondOf(requester);
        if (amount == 0 || (withdrawableAt != 0 && block.timestamp < withdrawableAt)) return;
        vm.prank(requester);
        if (withdrawableAt != 0) return _nodes.withdrawBond();
        _nodes.unbond();
        (, withdrawableAt) = _nodes.bondOf(requester);
        _world.expect("a bond unbonds for a week", withdrawableAt == block.timestamp + 7 days);
    }

    /// @dev A requester signs two awards that its escrow does not cover together; its bond is forfeit.
    function overcommit(uint256 who, uint256 worker) external {
        address requester = _world.person(who);
        (uint256 forfeited,) = _nodes.bondOf(requester);
        if (forfeited == 0) return;
        uint256 escrow = _poi.escrowOf(requester);
        Award[] memory awards = new Award[](2);
        bytes[] memory signatures = new bytes[](2);
        for (uint256 i = 0; i < 2; ++i) {
            awards[i].requester = requester;
            awards[i].worker = _world.person(worker % 4 + i);
            awards[i].price = escrow;
            awards[i].modelFee = 1;
            awards[i].settleDeadline = uint64(block.timestamp + 1 hours);
            awards[i].nonce = _nonce++;
            signatures[i] = _world.sign(who, _poi.hashAward(awards[i]));
        }
        _nodes.reportOvercommitted(awards, signatures);
        uint256 share = escrow == 0 ? 0 : (forfeited / 2 * escrow) / (2 * escrow);
        _world.noteMoved(requester, awards[0].worker, share);
        _world.noteMoved(requester, awards[1].worker, share);
        _world.noteBurnt(requester, forfeited - 2 * share);
    }

    function _write(Papers storage papers, uint256 who, uint256 worker, uint256 price, bytes32 modelDigest) private {
        Offer memory offer = _offer(_world.person(who), price, modelDigest);
        uint64 time = uint64(block.timestamp);
        bytes32 hash = _poi.hashOffer(offer);
        Bid memory bid = Bid(hash, _world.person(worker), price, time, time + 5 minutes, time + 1 minutes);
        (papers.offer, papers.bid) = (offer, bid);
        hash = _poi.hashBid(bid);
        papers.bidSignature = _world.sign(worker, hash);
        Award memory award = _awardFor(offer, bid, hash);
        papers.award = award;
        papers.awardSignature = _world.sign(who, _poi.hashAward(award));
    }

    function _offer(address requester, uint256 price, bytes32 modelDigest) private returns (Offer memory offer) {
        uint64 time = uint64(block.timestamp);
        (offer.requester, offer.modelDigest, offer.inputDigest) = (requester, modelDigest, sha256(INPUT));
        (offer.priceMin, offer.priceMax, offer.nonce) = (price, price, _nonce++);
        (offer.resultDeadline, offer.settleDeadline) = (time + 10 minutes, time + 1 hours);
        offer.payToken = address(_world.token());
    }

    function _awardFor(Offer memory offer, Bid memory bid, bytes32 bidHash) private pure returns (Award memory award) {
        (award.offerHash, award.bidHash) = (bid.offerHash, bidHash);
        (award.requester, award.worker) = (offer.requester, bid.worker);
        (award.modelDigest, award.inputDigest) = (offer.modelDigest, offer.inputDigest);
        // Above every fee that an owner can ask, now or after its notice.
        (award.price, award.modelFee, award.nonce) = (bid.price, 20, offer.nonce);
        (award.resultDeadline, award.settleDeadline) = (offer.resultDeadline, offer.settleDeadline);
    }

    function _raise(Promise storage it) private {
        bytes32 taskId = _poi.hashAward(it.papers.award);
        (Result memory result, bytes memory signature) = _result(it, taskId, OUTPUT);
        _nodes.reportUnproved(it.papers.award, it.papers.awardSignature, result, signature);
        it.vouched = true;
    }

    /// @dev Books the payment out of what the report set aside.
    function _end(Promise storage it, Award[] memory awards, address rescuer) private {
        bool[] memory paid = new bool[](1);
        paid[0] = true;
        _world.noteReserved(it.reporter, awards[0].price + awards[0].modelFee, false);
        _world.notePaid(awards, paid, it.reporter, rescuer);
        it.state = State.Empty;
    }

    /// @dev Half of the penalty to the requester, who shares it with a rescuer; the rest is burnt.
    function _punish(Award memory award, address rescuer) private {
        ++punished;
        uint256 had = _world.stakes(award.worker);
        uint256 amount = had < _world.PENALTY() ? had : _world.PENALTY();
        _world.noteUnstaked(award.worker, amount);
        uint256 reward = rescuer == address(0) ? 0 : amount / 4;
        _world.noteMoved(award.worker, award.requester, amount / 2 - reward);
        if (reward != 0) _world.noteMoved(award.worker, rescuer, reward);
        _world.noteBurnt(award.worker, amount - amount / 2);
    }

    function _excused(Promise storage it) private view returns (bool) {
        return _world.stopped() || _world.lastStop() > it.reportedAt;
    }

    function _capacityOf(address worker) private view returns (uint32) {
        (INodeCoordinator.Node memory node,) = _nodes.nodeOf(worker);
        return node.capacity;
    }

    function _result(Promise storage it, bytes32 taskId, bytes32 output)
        private
        returns (Result memory result, bytes memory signature)
    {
        result = Result(taskId, output);
        signature = _world.sign(it.worker, _poi.hashResult(result));
    }

    function _leaf(Award memory award, bytes32 id) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](1);
        leaves[0] = MerkleBatch.leaf(id, award.modelDigest, award.inputDigest, OUTPUT);
    }
}
