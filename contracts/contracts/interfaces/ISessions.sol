// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {LastAnswer} from "../types/LastAnswer.sol";
import {Payout} from "../types/Payout.sol";
import {SessionAward} from "../types/SessionAward.sol";
import {Voucher} from "../types/Voucher.sol";

/// @title Sessions: many calls between one requester and one worker, paid together
/// @notice The requester signs a cumulative {Voucher} with each call, before it has the answer; the worker signs a
/// {CallReceipt} with each answer. One voucher settles all calls before it. The call that it asks for itself is paid
/// when the answer is handed over, by the requester's next voucher or, should that be withheld, by the settlement
/// itself: the worker then publishes the answer here. So neither side gains by withholding its last message.
/// @dev No proof is checked. A false answer costs the worker its stake: see {ISlashing-reportContradictedCall}.
interface ISessions {
    /// @notice Calls of a session were paid, `calls` of it in all by now. The requester paid `amount + modelFees`, of
    /// which the worker got `amount - protocolFee`.
    event SessionSettled(
        bytes32 indexed sessionHash,
        address indexed requester,
        address indexed worker,
        bytes32 modelDigest,
        uint32 calls,
        uint256 amount,
        uint256 modelFees,
        uint256 protocolFee
    );
    /// @notice The answer to call `number`, which the requester had paid and not acknowledged.
    event CallAnswered(bytes32 indexed sessionHash, uint32 number, bytes output, bytes receiptSignature);

    /// @notice The voucher is for another session.
    error VoucherMismatch(bytes32 sessionHash);
    /// @notice The signature is not that of `signer`.
    error BadSignature(address signer);
    /// @notice The voucher is for more calls than the session has.
    error TooManyCalls(uint32 calls, uint32 most);
    /// @notice The settle deadline has passed.
    error SessionExpired(uint64 settleDeadline);
    /// @notice The settle deadline is more than `MAX_SETTLE_WINDOW` ahead.
    error SessionTooFarAhead(uint64 settleDeadline);
    /// @notice Nobody can be paid at this address.
    error InvalidSessionWorker(address worker);
    /// @notice The model is not registered.
    error SessionModelUnknown(bytes32 modelDigest);
    /// @notice The model's holders ask for more.
    error SessionModelFeeTooLow(uint256 modelFee, uint256 minimum);
    /// @notice The voucher pays nothing beyond the calls that were paid already.
    error CallsAlreadyPaid(uint32 due, uint32 paid);
    /// @notice The escrow does not cover even one more call.
    error CallNotCovered(uint256 needed, uint256 balance);

    /// @notice Pays the calls that a voucher covers and that were not paid yet: as many as the escrow holds money for.
    /// Anyone may call, as often as there is more to pay.
    /// @param session What was agreed.
    /// @param voucher The requester's newest.
    /// @param voucherSignature Of the requester.
    /// @param answer To the call that the voucher asks for, to be paid for it too; it is published.
    /// @param payout How worker, model and treasury are paid.
    /// @return calls How many calls this paid.
    function settleSession(
        SessionAward calldata session,
        Voucher calldata voucher,
        bytes calldata voucherSignature,
        LastAnswer calldata answer,
        Payout payout
    ) external returns (uint32 calls);

    /// @notice How many calls of a session were paid.
    function paidCalls(bytes32 sessionHash) external view returns (uint32);
}
