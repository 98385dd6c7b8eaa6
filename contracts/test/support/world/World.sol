// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INodeCoordinator} from "../../../contracts/interfaces/INodeCoordinator.sol";
import {IProofOfInference} from "../../../contracts/interfaces/IProofOfInference.sol";
import {IProtocolParameters} from "../../../contracts/interfaces/IProtocolParameters.sol";
import {JoyToken} from "../../../contracts/JoyToken.sol";
import {MerkleBatch} from "../../../contracts/libraries/MerkleBatch.sol";
import {ModelMarketplace} from "../../../contracts/ModelMarketplace.sol";
import {NodeCoordinator} from "../../../contracts/NodeCoordinator.sol";
import {ProofOfInference} from "../../../contracts/ProofOfInference.sol";
import {ProofOfUse} from "../../../contracts/ProofOfUse.sol";
import {ProtocolParameters} from "../../../contracts/ProtocolParameters.sol";
import {Award} from "../../../contracts/types/Award.sol";
import {SessionAward} from "../../../contracts/types/SessionAward.sol";
import {ALL_BPS} from "../../../contracts/types/Share.sol";
import {ZKVerifier} from "../../../contracts/ZKVerifier.sol";
import {JournalVerifier} from "../JournalVerifier.sol";
import {Asserting, Vm, vm} from "../Vm.sol";

/// @notice Everything deployed as in production but for the STARK itself, four people who are requester, worker, model
/// owner and holder at once, and a ledger kept beside the contracts by the tests' own arithmetic: who must own what.
/// The handlers act on it; the invariants compare the two.
contract World is Asserting {
    uint256 public constant PEOPLE = 4;
    uint256 public constant PENALTY = 1_001;
    bytes32 public constant IMAGE = keccak256("image");
    address public constant TREASURY = address(0xfee);
    address public constant GOVERNOR = address(0x907e);
    address public constant PAUSER = address(0x9a05e);
    address public constant STRANGER = address(0x57a6e);

    JoyToken public immutable token;
    ModelMarketplace public immutable models;
    ZKVerifier public immutable zkVerifier;
    JournalVerifier public immutable journals;
    ProtocolParameters public immutable parameters;
    NodeCoordinator public immutable nodes;
    ProofOfInference public immutable poi;
    ProofOfUse public immutable use;

    address[PEOPLE] private _people;
    /// @notice What an account owns in all its pockets, by what happened.
    mapping(address account => uint256) public owns;
    /// @notice The part of it that is staked.
    mapping(address account => uint256) public stakes;
    /// @notice Money that open reports of an account set aside.
    mapping(address account => uint256) public reserved;
    /// @notice Nonces that the rules say are paid.
    mapping(address requester => mapping(uint256 nonce => bool)) public paid;
    /// @notice The most that any nonce was paid, by the events of the settlement contract.
    uint256 public mostPaid;
    mapping(address requester => mapping(uint256 nonce => uint256)) private _payments;
    uint256 public settled;
    /// @notice Calls of sessions that were paid.
    uint256 public called;
    uint256 public modelFees;
    uint256 public protocolFees;
    uint256 public burnt;
    /// @notice When the verifier was stopped last; now while it is.
    uint256 public lastStop;
    bool public stopped;
    /// @notice How many calls did something else than the rules say, and the rule that was the first to break.
    uint256 public surprises;
    string public firstSurprise;

    constructor() {
        vm.warp(20_000 days);
        token = new JoyToken(address(this));
        models = new ModelMarketplace();
        journals = new JournalVerifier();
        ZKVerifier.Entry[] memory entries = new ZKVerifier.Entry[](1);
        entries[0] = ZKVerifier.Entry(journals.SELECTOR(), journals);
        zkVerifier = new ZKVerifier(GOVERNOR, PAUSER, entries);
        parameters = new ProtocolParameters(GOVERNOR, IProtocolParameters.Parameters(TREASURY, 250, 5_000));
        nodes = new NodeCoordinator(token, PENALTY, 7 days);
        poi = new ProofOfInference(
            ProofOfInference.Config({
                token: token,
                zkVerifier: zkVerifier,
                imageId: IMAGE,
                marketplace: models,
                parameters: parameters,
                withdrawalDelay: 2 days,
                epochLength: 1 days,
                coordinator: nodes
            })
        );
        use = ProofOfUse(address(poi.proofOfUse()));
        for (uint256 i = 0; i < PEOPLE; ++i) {
            _people[i] = vm.addr(_key(i));
            _welcome(person(i));
        }
        for (uint256 i = 0; i < PEOPLE; ++i) {
            vm.prank(person(i));
            models.register(model(i), 10, "");
        }
        owns[address(this)] = token.balanceOf(address(this));
    }

    function person(uint256 index) public view returns (address) {
        return _people[index % PEOPLE];
    }

    /// @notice Person `index` registered this model.
    function model(uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode("model", index % PEOPLE));
    }

    function sign(uint256 index, bytes32 digest) public returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(index), digest);
        return abi.encodePacked(r, s, v);
    }

    /// @notice All that an account has anywhere in the protocol.
    function wealth(address account) public view returns (uint256) {
        (uint256 bond,) = nodes.bondOf(account);
        return token.balanceOf(account) + poi.escrowOf(account) + poi.creditOf(account) + reserved[account]
            + stakeOf(account) + bond;
    }

    function stakeOf(address account) public view returns (uint256) {
        (INodeCoordinator.Node memory node,) = nodes.nodeOf(account);
        return node.stake;
    }

    /// @notice Makes the seal of a batch, as a prover would; from here on events are kept for {notePaid}.
    function prove(bytes32[] calldata leaves) public returns (bytes memory seal) {
        vm.recordLogs();
        journals.announce(IMAGE, MerkleBatch.journalDigest(leaves.length, MerkleBatch.root(leaves)));
        return abi.encodePacked(journals.SELECTOR());
    }

    // What the handlers write down.

    /// @notice `awards` of one model were paid to `worker` out of what `payer` had.
    function notePaid(Award[] memory awards, bool[] memory isPaid, address payer, address rescuer) external {
        IProtocolParameters.Parameters memory terms = parameters.current();
        bytes32 modelDigest = awards[0].modelDigest;
        (, address holder) = models.holderOf(modelDigest);
        if (holder == address(0)) holder = address(use);
        uint256 fees;
        for (uint256 i = 0; i < awards.length; ++i) {
            if (!isPaid[i]) continue;
            Award memory award = awards[i];
            uint256 fee = (award.price * terms.protocolFeeBps) / ALL_BPS;
            owns[payer == address(0) ? award.requester : payer] -= award.price + award.modelFee;
            owns[rescuer == address(0) ? award.worker : rescuer] += award.price - fee;
            owns[holder] += award.modelFee;
            fees += fee;
            modelFees += award.modelFee;
            ++settled;
            paid[award.requester][award.nonce] = true;
        }
        uint256 pooled = (fees * terms.rewardBps) / ALL_BPS;
        owns[address(use)] += pooled;
        owns[TREASURY] += fees - pooled;
        protocolFees += fees;
        _countPayments(awards);
    }

    /// @notice `calls` of a session were paid, its first ones or later ones.
    function noteCalls(SessionAward memory session, uint32 calls, bool first) external {
        IProtocolParameters.Parameters memory terms = parameters.current();
        (, address holder) = models.holderOf(session.modelDigest);
        if (holder == address(0)) holder = address(use);
        uint256 amount = session.price * calls + (first ? session.openingFee : 0);
        uint256 fee = (amount * terms.protocolFeeBps) / ALL_BPS;
        owns[session.requester] -= amount + session.modelFee * calls;
        owns[session.worker] += amount - fee;
        owns[holder] += session.modelFee * calls;
        uint256 pooled = (fee * terms.rewardBps) / ALL_BPS;
        owns[address(use)] += pooled;
        owns[TREASURY] += fee - pooled;
        protocolFees += fee;
        modelFees += session.modelFee * calls;
        called += calls;
    }

    function noteMoved(address from, address to, uint256 amount) external {
        owns[from] -= amount;
        owns[to] += amount;
    }

    function noteBurnt(address from, uint256 amount) external {
        owns[from] -= amount;
        burnt += amount;
    }

    function noteStaked(address worker, uint256 amount) external {
        stakes[worker] += amount;
    }

    /// @notice `amount` of the stake is gone: taken out, or slashed.
    function noteUnstaked(address worker, uint256 amount) external {
        stakes[worker] -= amount;
    }

    function noteReserved(address reporter, uint256 amount, bool open) external {
        if (open) reserved[reporter] += amount;
        else reserved[reporter] -= amount;
    }

    function noteStop(bool stopped_) external {
        stopped = stopped_;
        lastStop = block.timestamp;
    }

    /// @notice Notes that the rule `what` is broken unless `holds`.
    function expect(string calldata what, bool holds) external {
        if (holds) return;
        if (surprises++ == 0) firstSurprise = what;
    }

    function _countPayments(Award[] memory awards) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 kind = logs[i].topics[0];
            bool settles = kind == IProofOfInference.AwardSettled.selector;
            if (!settles && kind != IProofOfInference.AwardRescued.selector) continue;
            uint256 j = 0;
            while (poi.hashAward(awards[j]) != logs[i].topics[1]) ++j;
            uint256 times = ++_payments[awards[j].requester][awards[j].nonce];
            if (times > mostPaid) mostPaid = times;
        }
    }

    function _welcome(address who) private {
        token.transfer(who, 1e24);
        owns[who] = 1e24;
        address[3] memory spenders = [address(poi), address(nodes), address(use)];
        for (uint256 i = 0; i < spenders.length; ++i) {
            vm.prank(who);
            token.approve(spenders[i], type(uint256).max);
        }
    }

    function _key(uint256 index) private pure returns (uint256) {
        return 0xa11ce + (index % PEOPLE);
    }
}
