// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INodeCoordinator} from "../../contracts/interfaces/INodeCoordinator.sol";
import {IProtocolParameters} from "../../contracts/interfaces/IProtocolParameters.sol";
import {JoyToken} from "../../contracts/JoyToken.sol";
import {MerkleBatch} from "../../contracts/libraries/MerkleBatch.sol";
import {ModelMarketplace} from "../../contracts/ModelMarketplace.sol";
import {NodeCoordinator} from "../../contracts/NodeCoordinator.sol";
import {ProofOfInference} from "../../contracts/ProofOfInference.sol";
import {ProtocolParameters} from "../../contracts/ProtocolParameters.sol";
import {Award} from "../../contracts/types/Award.sol";
import {Payout} from "../../contracts/types/Payout.sol";
import {JournalVerifier} from "./JournalVerifier.sol";
import {Asserting, vm} from "./Vm.sol";

/// @notice The actions of three people, each requester, worker and stake holder at once, in any order. Every action
/// is chosen so that it must succeed, or is skipped: a revert is a failed test.
contract MarketHandler is Asserting {
    uint256 public constant ACTORS = 3;
    bytes32 public constant IMAGE = keccak256("image");
    bytes32 public constant MODEL = keccak256("model");

    JoyToken public token;
    ModelMarketplace public models;
    JournalVerifier public verifier;
    ProofOfInference public poi;
    INodeCoordinator public nodes;

    /// @notice How often each nonce was paid.
    mapping(address requester => mapping(uint256 nonce => uint256)) public paid;
    /// @notice The most that any nonce was paid.
    uint256 public mostPaid;
    uint256 public settled;
    uint256 public fees;
    /// @notice Increases of what worker, owner and treasury hold that no charge to an escrow explains.
    uint256 public unexplained;

    constructor() {
        token = new JoyToken(address(this));
        models = new ModelMarketplace();
        verifier = new JournalVerifier();
        nodes = new NodeCoordinator(token, 1, 7 days);
        poi = new ProofOfInference(
            ProofOfInference.Config({
                token: token,
                zkVerifier: verifier,
                imageId: IMAGE,
                marketplace: models,
                parameters: new ProtocolParameters(
                    address(this), IProtocolParameters.Parameters(address(0xfee), 250, 5_000)
                ),
                withdrawalDelay: 2 days,
                epochLength: 1 days,
                coordinator: nodes
            })
        );
        models.register(MODEL, 10, "");
        for (uint256 i = 0; i < ACTORS; ++i) {
            token.transfer(actor(i), 1e24);
            vm.prank(actor(i));
            token.approve(address(poi), type(uint256).max);
            vm.prank(actor(i));
            token.approve(address(nodes), type(uint256).max);
        }
    }

    function actor(uint256 index) public returns (address) {
        return vm.addr(_key(index));
    }

    function pass(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 3 days));
    }

    function deposit(uint256 who, uint256 amount) external {
        address requester = actor(who);
        uint256 most = token.balanceOf(requester);
        if (most == 0) return;
        vm.prank(requester);
        poi.deposit(bound(amount, 1, most));
    }

    function requestWithdrawal(uint256 who, uint256 amount) external {
        address requester = actor(who);
        uint256 most = poi.escrowOf(requester);
        if (most == 0) return;
        vm.prank(requester);
        poi.requestWithdrawal(bound(amount, 1, most));
    }

    function cancelWithdrawal(uint256 who) external {
        address requester = actor(who);
        (uint256 amount,) = poi.withdrawalOf(requester);
        if (amount == 0) return;
        vm.prank(requester);
        poi.cancelWithdrawal();
    }

    function withdraw(uint256 who) external {
        address requester = actor(who);
        (uint256 amount, uint64 availableAt) = poi.withdrawalOf(requester);
        if (amount == 0 || block.timestamp < availableAt) return;
        vm.prank(requester);
        poi.withdraw();
    }

    /// @dev Nonces are few, so that many of them are used twice; prices lie around what escrows hold.
    function settle(uint256 who, uint256 worker, uint256 nonce, uint256 price, uint256 fee, bool forged) external {
        Award[] memory awards = new Award[](1);
        awards[0].requester = actor(who);
        awards[0].worker = actor(worker);
        awards[0].modelDigest = MODEL;
        awards[0].price = bound(price, 0, poi.escrowOf(awards[0].requester) + 5);
        awards[0].modelFee = bound(fee, 8, 20);
        awards[0].settleDeadline = uint64(block.timestamp + 1 hours);
        awards[0].nonce = bound(nonce, 0, 20);
        bytes32 taskId = poi.hashAward(awards[0]);
        bytes[] memory signatures = new bytes[](1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(forged ? (who % ACTORS) + 1 : who), taskId);
        signatures[0] = abi.encodePacked(r, s, v);
        bytes32[] memory outputs = new bytes32[](1);
        bytes32 root = MerkleBatch.leaf(taskId, MODEL, bytes32(0), bytes32(0));
        verifier.announce(IMAGE, MerkleBatch.journalDigest(1, root));
        uint256 escrow = poi.escrowOf(awards[0].requester);
        uint256 count = poi.settleBatch(awards, signatures, outputs, abi.encodePacked(verifier.SELECTOR()), Payout.Direct);
        uint256 charged = escrow - poi.escrowOf(awards[0].requester);
        if (count == 0) {
            unexplained += charged;
            return;
        }
        if (forged || charged != awards[0].price + awards[0].modelFee) ++unexplained;
        settled += count;
        fees += awards[0].modelFee;
        uint256 times = ++paid[awards[0].requester][awards[0].nonce];
        if (times > mostPaid) mostPaid = times;
    }

    function setModelFee(uint256 price) external {
        models.setPrice(MODEL, bound(price, 5, 15));
    }

    function stake(uint256 who, uint256 amount) external {
        address worker = actor(who);
        uint256 most = token.balanceOf(worker);
        if (most == 0) return;
        (INodeCoordinator.Node memory node,) = nodes.nodeOf(worker);
        bytes memory peerId = abi.encodePacked(hex"1220", keccak256(abi.encode(worker)));
        amount = bound(amount, 1, most);
        vm.prank(worker);
        if (node.peerId.length == 0) nodes.register(peerId, 1, amount);
        else nodes.addStake(amount);
    }

    function unbond(uint256 who) external {
        address worker = actor(who);
        (INodeCoordinator.Node memory node,) = nodes.nodeOf(worker);
        if (node.peerId.length == 0) return;
        if (node.withdrawableAt != 0 && block.timestamp < node.withdrawableAt) return;
        vm.prank(worker);
        if (node.withdrawableAt == 0) nodes.deactivate();
        else nodes.withdraw();
    }

    function _key(uint256 index) private pure returns (uint256) {
        return 0xa11ce + (index % ACTORS);
    }
}
