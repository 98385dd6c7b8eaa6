// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Award} from "../types/Award.sol";
import {Payout} from "../types/Payout.sol";
import {Slice} from "../types/Slice.sol";

/// @title Settlement of proved inference
interface IProofOfInference {
    /// @notice Why an award in a proved batch was not paid.
    enum SkipReason {
        None,
        BadSignature,
        NonceUsed,
        Expired,
        TooFarAhead,
        InvalidWorker,
        UnknownModel,
        ModelFeeTooLow,
        InsufficientEscrow
    }

    /// @notice A proved award was paid: `price - protocolFee` to the worker, `modelFee` to who holds the model's
    /// fees, `protocolFee` to the treasury and the reward pool.
    event AwardSettled(
        bytes32 indexed taskId,
        address indexed requester,
        address indexed worker,
        bytes32 modelDigest,
        uint256 price,
        uint256 modelFee,
        uint256 protocolFee,
        bytes32 outputDigest
    );
    /// @notice A proved award was not paid.
    event AwardSkipped(bytes32 indexed taskId, SkipReason reason);
    /// @notice A missed award was proved by another worker, who was paid in place of the award's.
    event AwardRescued(
        bytes32 indexed taskId, address indexed requester, address indexed rescuer, bytes32 outputDigest
    );
    /// @notice The requester's contract failed when told of an answer.
    event CallbackFailed(bytes32 indexed taskId, address indexed requester);

    /// @notice The number of awards is out of range.
    error InvalidBatchSize(uint256 count, uint256 maximum);
    /// @notice Signatures and output digests must be as many as awards.
    error LengthMismatch(uint256 awards, uint256 signatures, uint256 outputDigests);
    /// @notice The transaction needs at least `gas` more to tell a requester's contract of its answer.
    error CallbackGasTooLow(uint256 gas);
    /// @notice A rescuer must be somebody whom JOY can be paid to.
    error InvalidRescuer(address rescuer);

    /// @notice Verifies one proof over a batch and pays each award that is in order; the others are skipped with a
    /// reason. Anyone may submit: the caller has no influence on who is paid, only on whether by transfer or credit.
    /// @param awards In the order in which the guest proved them, 1 to `MAX_BATCH`.
    /// @param signatures The requesters' signatures of the awards.
    /// @param outputDigests SHA-256 of the canonical encoding of each task's output tensors.
    /// @param seal The proof: the verifier's selector, then its encoding. Not looked at when the batch is proved.
    /// @param payout By transfer or by credit.
    /// @return paid How many awards were paid.
    function settleBatch(
        Award[] calldata awards,
        bytes[] calldata signatures,
        bytes32[] calldata outputDigests,
        bytes calldata seal,
        Payout payout
    ) external returns (uint256 paid);

    /// @notice As {settleBatch} for neighbouring awards of a batch that is proved already.
    /// @param slice Where in the batch the awards lie.
    function settleSlice(
        Award[] calldata awards,
        bytes[] calldata signatures,
        bytes32[] calldata outputDigests,
        Slice calldata slice,
        Payout payout
    ) external returns (uint256 paid);

    /// @notice Pays another worker for a reported award that its own worker did not settle in the answer window: the
    /// price, and a share of the stake that the award's worker loses. The leaf of the proof holds the digest of
    /// {Rescue} in place of the task id, so a copied proof pays its maker.
    /// @param award The missed award.
    /// @param outputDigest SHA-256 of the canonical encoding of the output tensors.
    /// @param rescuer Who proved it and is paid.
    /// @param slice Where in a proved batch the leaf lies.
    /// @param payout By transfer or by credit.
    function rescue(
        Award calldata award,
        bytes32 outputDigest,
        address rescuer,
        Slice calldata slice,
        Payout payout
    ) external;
}
