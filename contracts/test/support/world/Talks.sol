// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ProofOfInference} from "../../../contracts/ProofOfInference.sol";
import {CallReceipt, CallReceiptHash} from "../../../contracts/types/CallReceipt.sol";
import {LastAnswer} from "../../../contracts/types/LastAnswer.sol";
import {Payout} from "../../../contracts/types/Payout.sol";
import {SessionAward} from "../../../contracts/types/SessionAward.sol";
import {Voucher} from "../../../contracts/types/Voucher.sol";
import {Asserting, vm} from "../Vm.sol";
import {World} from "./World.sol";

/// @notice Sessions, honest and not. Few of them, so that each is settled many times over, by growing and by old
/// vouchers; what each settlement must pay is foreseen by the rules, not by the contract.
contract Talks is Asserting {
    uint256 public constant SESSIONS = 6;
    uint32 public constant MOST_CALLS = 40;

    World private _world;
    ProofOfInference private _poi;

    SessionAward[SESSIONS] private _sessions;
    uint32[SESSIONS] private _paid;
    uint256 public settlements;

    constructor(World world) {
        (_world, _poi) = (world, world.poi());
    }

    /// @dev Settles a voucher for any number of calls, with or without the last answer. `flaw` 1 is a voucher that
    /// another signed, 2 an answer that another signed, 3 a count above the session's, 4 a voucher of another session.
    function settle(uint256 which, uint32 calls, uint8 kind, uint8 flaw, bool credit) external {
        which %= SESSIONS;
        (kind, flaw) = (kind % 3, flaw % 5);
        SessionAward memory session = _open(which);
        calls = uint32(bound(calls, 1, MOST_CALLS)) + (flaw == 3 ? MOST_CALLS : 0);
        uint32 expected = 0;
        if (flaw == 0 || (flaw == 2 && kind != 2)) {
            expected = _foresee(session, which, kind == 1 ? calls - 1 : calls);
        }
        uint32 paid = _submit(session, which, calls, kind, flaw, credit ? Payout.Credit : Payout.Direct);
        _world.expect("a session pays what its voucher covers, and nothing else", paid == expected);
        if (paid == 0) return;
        _world.noteCalls(session, paid, _paid[which] == 0);
        _paid[which] += paid;
        ++settlements;
        _world.expect("paid calls are counted", _poi.paidCalls(_poi.hashSession(session)) == _paid[which]);
    }

    /// @dev How many calls this paid; 0 when it was refused.
    function _submit(
        SessionAward memory session,
        uint256 which,
        uint32 calls,
        uint8 kind,
        uint8 flaw,
        Payout payout
    ) private returns (uint32) {
        (Voucher memory voucher, LastAnswer memory answer) = _say(session, which, calls, kind, flaw);
        bytes memory signature = _world.sign(flaw == 1 ? which + 1 : which, _poi.hashVoucher(voucher));
        bytes memory call = abi.encodeCall(_poi.settleSession, (session, voucher, signature, answer, payout));
        (bool success, bytes memory result) = address(_poi).call(call);
        return success ? abi.decode(result, (uint32)) : 0;
    }

    /// @dev As many calls as the escrow covers, of those that are due and not paid.
    function _foresee(SessionAward memory session, uint256 which, uint32 due) private view returns (uint32) {
        (, uint256 minFee) = _world.models().feeOf(session.modelDigest);
        bool open = block.timestamp <= session.settleDeadline && session.modelFee >= minFee;
        if (!open || due <= _paid[which]) return 0;
        uint256 escrow = _poi.escrowOf(session.requester);
        uint256 opening = _paid[which] == 0 ? session.openingFee : 0;
        uint32 covered;
        for (uint32 n = 1; n <= due - _paid[which]; ++n) {
            if (opening + n * (session.price + session.modelFee) > escrow) break;
            covered = n;
        }
        return covered;
    }

    /// @dev Kinds: 0 acknowledges every answer, 1 asks for the last one, 2 asks and is answered here.
    function _say(SessionAward memory session, uint256 which, uint32 calls, uint8 kind, uint8 flaw)
        private
        returns (Voucher memory voucher, LastAnswer memory answer)
    {
        bytes32 sessionHash = _poi.hashSession(session);
        bytes32 history = keccak256(abi.encode(sessionHash, calls));
        voucher = Voucher(sessionHash, calls, history, kind == 0 ? bytes32(0) : keccak256("input"));
        if (flaw == 4) voucher.sessionHash = keccak256(abi.encode(sessionHash));
        if (kind != 2) return (voucher, answer);
        answer.output = abi.encode("output", calls);
        history = CallReceiptHash.extend(history, voucher.inputDigest, sha256(answer.output));
        bytes32 receipt = _poi.hashCallReceipt(CallReceipt(sessionHash, calls, history));
        answer.receiptSignature = _world.sign(flaw == 2 ? which : which + 1, receipt);
    }

    /// @dev The session in this place; a new one once its deadline has passed.
    function _open(uint256 which) private returns (SessionAward memory) {
        SessionAward storage session = _sessions[which];
        if (block.timestamp <= session.settleDeadline) return session;
        if (session.nonce != 0) {
            bool paid = _submit(session, which, MOST_CALLS, 0, 0, Payout.Direct) != 0;
            _world.expect("a session pays nothing after its deadline", !paid);
        }
        (session.requester, session.worker) = (_world.person(which), _world.person(which + 1));
        session.modelDigest = _world.model(which >> 1);
        (session.price, session.modelFee, session.openingFee) = (3 + 40 * which, 20, 170 * which);
        (session.mostCalls, session.settleDeadline) = (MOST_CALLS, uint64(block.timestamp + 1 days));
        ++session.nonce;
        _paid[which] = 0;
        return session;
    }
}
