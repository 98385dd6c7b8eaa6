// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ProofOfInference} from "../../contracts/ProofOfInference.sol";
import {CallReceipt, CallReceiptHash} from "../../contracts/types/CallReceipt.sol";
import {LastAnswer} from "../../contracts/types/LastAnswer.sol";
import {Payout} from "../../contracts/types/Payout.sol";
import {SessionAward} from "../../contracts/types/SessionAward.sol";
import {Voucher} from "../../contracts/types/Voucher.sol";
import {Asserting, vm} from "../support/Vm.sol";
import {World} from "../support/world/World.sol";

/// @notice Sessions that share escrows and sides, settled with new and old vouchers in any order, while the escrow
/// runs short and is filled up. Models are the last person's, so that what goes to holders is told from wages.
contract SessionsTest is Asserting {
    uint256 private constant SESSIONS = 3;
    uint256 private constant OWNER = 3;
    /// @dev Order of secp256k1's group: (r, n - s) with the other v is a second form of a signature.
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    /// @dev What one session has seen so far.
    /// @param calls In the newest voucher.
    /// @param due Most calls that any voucher, with what was shown beside it, could have paid.
    struct Seen {
        uint256 requester;
        uint256 worker;
        SessionAward terms;
        uint32 calls;
        uint32 due;
        uint256 spent;
    }

    World private _world;
    ProofOfInference private _poi;
    Seen[SESSIONS] private _seen;
    uint256 private _joy;

    function setUp() public {
        _world = new World();
        _poi = _world.poi();
    }

    /// @dev Two sessions with one escrow, and one with the sides exchanged. However they are settled, each call is
    /// paid once; and once the money is there, exactly the calls of the newest vouchers are.
    function testFuzz_anyOrderPaysEachCallOnce(uint256[16] memory steps, uint256[3] memory terms) public {
        _begin(0, 0, 1, terms[0]);
        _begin(1, 1, 0, terms[1]);
        _begin(2, 0, 2, terms[2]);
        _joy = _everything();
        for (uint256 i = 0; i < steps.length; ++i) _step(steps[i]);
        for (uint256 i = 0; i < SESSIONS; ++i) {
            _deposit(_seen[i].requester, 1e22);
            if (_seen[i].calls > _paid(i)) {
                assertTrue(_settle(i, _seen[i].calls, 2, Payout.Direct) != 0, "what is owed and covered is paid");
            }
            assertEq(_paid(i), _seen[i].calls, "every call is paid");
        }
        for (uint256 i = 0; i < SESSIONS; ++i) {
            if (_seen[i].calls == 0) continue;
            for (uint8 kind = 0; kind < 3; ++kind) {
                assertEq(_settle(i, _seen[i].calls, kind, Payout.Direct), 0, "and none again");
            }
        }
    }

    /// @dev Prices and fees of any size: what the escrow does not hold is not paid, and nothing overflows.
    function testFuzz_noTermsTakeMoreThanTheEscrowHolds(
        uint256[3] memory terms,
        uint8[3] memory shifts,
        uint96 escrow,
        uint32 calls
    ) public {
        Seen storage seen = _begin(0, 0, 1, 0);
        // Small numbers as often as large ones.
        seen.terms.price = terms[0] >> shifts[0];
        seen.terms.modelFee = _max(10, terms[1] >> shifts[1]);
        seen.terms.openingFee = terms[2] >> shifts[2];
        seen.terms.mostCalls = 1_000_000;
        seen.calls = uint32(bound(calls, 1, 1_000_000));
        uint256 held = bound(escrow, 1, 1e24);
        _deposit(0, held);
        _joy = _everything();
        uint32 paid = _settle(0, seen.calls, 0, Payout.Credit);
        uint256 left = held - seen.spent;
        bool reaches = _covers(held, seen.terms);
        assertTrue((paid != 0) == reaches, "paid exactly when one call is covered");
        if (reaches && paid < seen.calls) {
            assertTrue(left < seen.terms.price + seen.terms.modelFee, "as far as the escrow goes");
        }
    }

    /// @dev One bit of anything that is signed, or of a signature, and the second form of one.
    function testFuzz_nothingChangedIsPaid(uint256 which, uint256 bit, uint32 calls) public {
        Seen storage seen = _begin(0, 0, 1, which);
        _deposit(0, 1e24);
        _joy = _everything();
        calls = uint32(bound(calls, 1, 40));
        (Voucher memory voucher, bytes memory signature, LastAnswer memory answer) = _say(0, calls, 2);
        SessionAward memory terms = seen.terms;
        which %= 7;
        if (which == 0) terms = abi.decode(_flip(abi.encode(terms), bit, 9), (SessionAward));
        else if (which == 1) voucher = abi.decode(_flip(abi.encode(voucher), bit, 4), (Voucher));
        else if (which == 2) signature[bit % 64] ^= bytes1(uint8(1 << (bit >> 8) % 8));
        else if (which == 3) answer.receiptSignature[bit % 64] ^= bytes1(uint8(1 << (bit >> 8) % 8));
        else if (which == 4) answer.output[bit % answer.output.length] ^= bytes1(uint8(1 << (bit >> 8) % 8));
        else if (which == 5) signature = _secondForm(signature);
        else answer.receiptSignature = _secondForm(answer.receiptSignature);
        try _poi.settleSession(terms, voucher, signature, answer, Payout.Direct) {
            assertTrue(false, "paid for what nobody signed");
        } catch {}
        assertEq(_settle(0, calls, 2, Payout.Direct), calls, "what was signed is paid");
    }

    /// @dev After the deadline, and more than a day before it, no voucher pays.
    function testFuzz_outsideItsTimeNothingIsPaid(uint64 time, uint32 calls, uint8 kind) public {
        Seen storage seen = _begin(0, 0, 1, 0);
        seen.calls = uint32(bound(calls, 1, 40));
        seen.terms.settleDeadline = uint64(block.timestamp + 3 days);
        _deposit(0, 1e24);
        _joy = _everything();
        uint256 now_ = bound(time, block.timestamp, block.timestamp + 5 days);
        vm.warp(now_);
        bool open = now_ <= seen.terms.settleDeadline && now_ + 1 days >= seen.terms.settleDeadline;
        uint32 due = kind % 3 == 1 ? seen.calls - 1 : seen.calls;
        assertEq(_settle(0, seen.calls, kind % 3, Payout.Direct), open ? due : 0, "paid");
    }

    /// @dev More calls, more money, or a settlement, by the bits of a random word.
    function _step(uint256 word) private {
        (uint256 index, uint256 action) = (word % SESSIONS, (word >> 8) % 8);
        Seen storage seen = _seen[index];
        if (action == 0) return _deposit(seen.requester, bound(word >> 16, 1, 2_000));
        if (action <= 2) {
            seen.calls += uint32(bound(word >> 16, 1, 6));
            return;
        }
        if (seen.calls == 0) return;
        // Mostly old vouchers, sometimes the newest.
        uint32 calls = action <= 4 ? seen.calls : uint32(bound(word >> 16, 1, seen.calls));
        _settle(index, calls, uint8(word >> 64) % 3, (word >> 80) % 2 == 0 ? Payout.Direct : Payout.Credit);
    }

    /// @dev Kinds: 0 acknowledges every answer, 1 asks for the last one, 2 asks and is answered here. Returns how many
    /// calls this paid, 0 when it was refused.
    function _settle(uint256 index, uint32 calls, uint8 kind, Payout payout) private returns (uint32 paid) {
        Seen storage seen = _seen[index];
        uint256[4] memory had = _purses(seen);
        uint32 before = _paid(index);
        (Voucher memory voucher, bytes memory signature, LastAnswer memory answer) = _say(index, calls, kind);
        try _poi.settleSession(seen.terms, voucher, signature, answer, payout) returns (uint32 paid_) {
            paid = paid_;
            if (paid == 0) revert NotTrue("a settlement of nothing");
        } catch {}
        uint32 due = kind == 1 ? calls - 1 : calls;
        if (due > seen.due) seen.due = due;
        assertEq(_paid(index), before + paid, "counted once, and never back");
        assertTrue(_paid(index) <= seen.due, "no call is paid that no voucher covers");
        if (paid != 0) _check(seen, had, paid, before == 0);
        assertEq(_everything(), _joy, "nothing is made or lost");
    }

    /// @dev Who got what of one settlement.
    function _check(Seen storage seen, uint256[4] memory had, uint32 calls, bool first) private {
        uint256[4] memory has = _purses(seen);
        uint256 amount = seen.terms.price * calls + (first ? seen.terms.openingFee : 0);
        uint256 fees = has[3] - had[3];
        seen.spent += had[0] - has[0];
        assertEq(had[0] - has[0], amount + seen.terms.modelFee * calls, "the price of these calls");
        assertEq(has[1] - had[1] + fees, amount, "worker and protocol share the price");
        assertEq(has[2] - had[2], seen.terms.modelFee * calls, "the model's holder gets its fees");
        assertTrue(fees <= (amount * 250) / 10_000, "never more than the protocol fee");
    }

    /// @dev Of requester (its escrow alone), worker (but its escrow), holder, and the protocol.
    function _purses(Seen storage seen) private view returns (uint256[4] memory) {
        address worker = _world.person(seen.worker);
        return [
            _poi.escrowOf(_world.person(seen.requester)),
            _world.wealth(worker) - _poi.escrowOf(worker),
            _world.wealth(_world.person(OWNER)),
            _world.wealth(_world.TREASURY()) + _world.wealth(address(_world.use()))
        ];
    }

    /// @dev All JOY outside the settlement contract, and all that it owes.
    function _everything() private view returns (uint256 sum) {
        sum = _world.wealth(_world.TREASURY()) + _world.wealth(address(_world.use()));
        uint256 owed = _poi.totalCredits();
        for (uint256 i = 0; i < _world.PEOPLE(); ++i) {
            sum += _world.wealth(_world.person(i));
            owed += _poi.escrowOf(_world.person(i));
        }
        assertEq(_world.token().balanceOf(address(_poi)), owed, "settlement holds what it owes");
    }

    function _paid(uint256 index) private view returns (uint32) {
        return _poi.paidCalls(_poi.hashSession(_seen[index].terms));
    }

    function _deposit(uint256 who, uint256 amount) private {
        vm.prank(_world.person(who));
        _poi.deposit(amount);
    }

    function _begin(uint256 index, uint256 requester, uint256 worker, uint256 word)
        private
        returns (Seen storage seen)
    {
        seen = _seen[index];
        (seen.requester, seen.worker) = (requester, worker);
        (seen.terms.requester, seen.terms.worker) = (_world.person(requester), _world.person(worker));
        seen.terms.modelDigest = _world.model(OWNER);
        seen.terms.price = bound(word, 0, 300);
        seen.terms.modelFee = bound(word >> 64, 10, 60);
        seen.terms.openingFee = bound(word >> 128, 0, 500);
        seen.terms.mostCalls = 1_000;
        seen.terms.settleDeadline = uint64(block.timestamp + 1 hours);
        seen.terms.nonce = word >> 192;
    }

    function _say(uint256 index, uint32 calls, uint8 kind)
        private
        returns (Voucher memory voucher, bytes memory signature, LastAnswer memory answer)
    {
        Seen storage seen = _seen[index];
        bytes32 sessionHash = _poi.hashSession(seen.terms);
        bytes32 history = keccak256(abi.encode(sessionHash, calls));
        voucher = Voucher(sessionHash, calls, history, kind == 0 ? bytes32(0) : keccak256("input"));
        signature = _world.sign(seen.requester, _poi.hashVoucher(voucher));
        if (kind != 2) return (voucher, signature, answer);
        answer.output = abi.encode("output", calls);
        history = CallReceiptHash.extend(history, voucher.inputDigest, sha256(answer.output));
        bytes32 receipt = _poi.hashCallReceipt(CallReceipt(sessionHash, calls, history));
        answer.receiptSignature = _world.sign(seen.worker, receipt);
    }

    /// @dev Whether `held` is enough for the opening and one call, by subtraction so that nothing overflows.
    function _covers(uint256 held, SessionAward memory terms) private pure returns (bool) {
        if (terms.openingFee > held) return false;
        held -= terms.openingFee;
        return terms.price <= held && terms.modelFee <= held - terms.price;
    }

    /// @dev `encoded` with one of the 32 lowest bits of one of its `words` flipped: every field is at least as wide.
    function _flip(bytes memory encoded, uint256 bit, uint256 words) private pure returns (bytes memory) {
        uint256 at_ = (bit % words) * 32 + 28 + (bit >> 16) % 4;
        encoded[at_] ^= bytes1(uint8(1 << (bit >> 32) % 8));
        return encoded;
    }

    function _secondForm(bytes memory signature) private pure returns (bytes memory) {
        bytes32 r;
        uint256 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        return abi.encodePacked(r, ORDER - s, uint8(signature[64]) ^ 7);
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
