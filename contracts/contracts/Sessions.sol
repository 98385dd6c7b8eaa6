// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ISessions} from "./interfaces/ISessions.sol";
import {Payouts} from "./Payouts.sol";
import {CallReceipt, CallReceiptHash} from "./types/CallReceipt.sol";
import {LastAnswer} from "./types/LastAnswer.sol";
import {Payout} from "./types/Payout.sol";
import {SessionAward} from "./types/SessionAward.sol";
import {Voucher} from "./types/Voucher.sol";
import {MAX_SETTLE_WINDOW} from "./types/Windows.sol";

/// @title Settlement of sessions
/// @notice Pays out of the same escrow as awards, and only what the requester has signed for.
abstract contract Sessions is ISessions, Payouts {
    /// @dev What some calls cost: `amount` for the worker and the protocol, `modelFees` for the model's holders.
    struct Bill {
        uint32 calls;
        uint256 amount;
        uint256 modelFees;
    }

    /// @notice Most calls of one session. Counts of use are added up in 48 bits: no account can fill them.
    uint32 public constant MAX_SESSION_CALLS = 1_000_000;

    mapping(bytes32 sessionHash => uint32) private _paidCalls;

    /// @inheritdoc ISessions
    function settleSession(
        SessionAward calldata session,
        Voucher calldata voucher,
        bytes calldata voucherSignature,
        LastAnswer calldata answer,
        Payout payout
    ) external nonReentrant returns (uint32) {
        bytes32 sessionHash = hashSession(session);
        _requirePayable(session);
        if (voucher.sessionHash != sessionHash) revert VoucherMismatch(voucher.sessionHash);
        uint32 most = session.mostCalls < MAX_SESSION_CALLS ? session.mostCalls : MAX_SESSION_CALLS;
        if (voucher.calls > most) revert TooManyCalls(voucher.calls, most);
        if (!_signedBy(session.requester, hashVoucher(voucher), voucherSignature)) {
            revert BadSignature(session.requester);
        }
        uint32 due = _due(session, voucher, answer);
        uint32 paid = _paidCalls[sessionHash];
        if (due <= paid) revert CallsAlreadyPaid(due, paid);
        Bill memory bill = _bill(session, paid, due - paid);
        _paidCalls[sessionHash] = paid + bill.calls;
        _debit(session.requester, bill.amount + bill.modelFees);
        _pay(session, sessionHash, bill, _openTill(payout));
        return bill.calls;
    }

    /// @inheritdoc ISessions
    function paidCalls(bytes32 sessionHash) external view returns (uint32) {
        return _paidCalls[sessionHash];
    }

    /// @dev Reverts when no call of the session can be paid now, whatever was vouched for.
    function _requirePayable(SessionAward calldata session) private view {
        uint64 deadline = session.settleDeadline;
        if (block.timestamp > deadline) revert SessionExpired(deadline);
        if (deadline > block.timestamp + MAX_SETTLE_WINDOW) revert SessionTooFarAhead(deadline);
        if (session.worker == address(0) || session.worker == address(this)) {
            revert InvalidSessionWorker(session.worker);
        }
        (address owner, uint256 minimum) = marketplace.feeOf(session.modelDigest);
        if (owner == address(0)) revert SessionModelUnknown(session.modelDigest);
        if (session.modelFee < minimum) revert SessionModelFeeTooLow(session.modelFee, minimum);
    }

    /// @dev How many calls the requester owes. The last one only once it has the answer: here, if not before.
    function _due(SessionAward calldata session, Voucher calldata voucher, LastAnswer calldata answer)
        private
        returns (uint32)
    {
        (bytes32 sessionHash, uint32 calls, bytes32 inputDigest) =
            (voucher.sessionHash, voucher.calls, voucher.inputDigest);
        if (inputDigest == bytes32(0) || calls == 0) return calls;
        if (answer.output.length == 0) return calls - 1;
        bytes32 history = CallReceiptHash.extend(voucher.history, inputDigest, sha256(answer.output));
        bytes32 receipt = hashCallReceipt(CallReceipt(sessionHash, calls, history));
        if (!_signedBy(session.worker, receipt, answer.receiptSignature)) revert BadSignature(session.worker);
        emit CallAnswered(sessionHash, calls, answer.output, answer.receiptSignature);
        return calls;
    }

    /// @dev What the escrow holds money for of `most` more calls after `paid`.
    function _bill(SessionAward calldata session, uint32 paid, uint32 most) private view returns (Bill memory bill) {
        uint256 opening = paid == 0 ? session.openingFee : 0;
        uint256 each = Math.saturatingAdd(session.price, session.modelFee);
        uint256 balance = escrowOf(session.requester);
        uint256 needed = Math.saturatingAdd(opening, each);
        if (needed > balance) revert CallNotCovered(needed, balance);
        bill.calls = each == 0 ? most : uint32(Math.min(most, (balance - opening) / each));
        bill.amount = opening + session.price * bill.calls;
        bill.modelFees = session.modelFee * bill.calls;
    }

    function _pay(SessionAward calldata session, bytes32 sessionHash, Bill memory bill, Till memory till) private {
        emit SessionSettled(
            sessionHash,
            session.requester,
            session.worker,
            session.modelDigest,
            _paidCalls[sessionHash],
            bill.amount,
            bill.modelFees,
            _protocolFee(bill.amount, till)
        );
        _payCalls(session, bill.calls, bill.amount, bill.modelFees, till);
    }
}
