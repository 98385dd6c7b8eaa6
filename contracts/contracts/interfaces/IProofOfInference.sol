// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Award} from "../types/Award.sol";
import {Bid} from "../types/Bid.sol";
import {Offer} from "../types/Offer.sol";
import {IModelMarketplace} from "./IModelMarketplace.sol";
import {INodeCoordinator} from "./INodeCoordinator.sol";
import {IProofOfUse} from "./IProofOfUse.sol";
import {IProtocolParameters} from "./IProtocolParameters.sol";
import {IRiscZeroVerifier} from "./IRiscZeroVerifier.sol";

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

    /// @notice A term on which an award and the papers behind it must agree.
    enum Term {
        OfferHash,
        BidHash,
        Requester,
        Worker,
        ModelDigest,
        InputDigest,
        Price,
        ModelFee,
        PayToken,
        ResultDeadline,
        SettleDeadline,
        Nonce
    }

    /// @notice A proof over `count` tasks was accepted.
    event BatchVerified(bytes32 indexed journalDigest, uint256 count);
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
    /// @notice A worker's promise was broken and is now on its record.
    event AwardMissed(bytes32 indexed taskId, address indexed requester, address indexed worker);

    /// @notice The number of awards is out of range.
    error InvalidBatchSize(uint256 count, uint256 maximum);
    /// @notice Signatures and output digests must be as many as awards.
    error LengthMismatch(uint256 awards, uint256 signatures, uint256 outputDigests);
    /// @notice The award can still be settled.
    error NotYetMissed(uint64 settleDeadline);
    /// @notice The nonce was paid.
    error NonceAlreadyUsed(address requester, uint256 nonce);
    /// @notice The miss is on record already.
    error AlreadyReported(bytes32 taskId);
    /// @notice The award differs from its offer or bid in this term, or the term could not have been settled.
    error TermsMismatch(Term term);
    /// @notice The escrow would not have paid the award, so not settling it is no fault.
    error AwardNotCovered(address requester, uint256 price, uint256 modelFee);
    /// @notice The signature is not that of `signer`.
    error InvalidSignature(address signer);

    /// @notice Verifies one proof over a batch and pays each award that is in order; the others are skipped with a
    /// reason. Anyone may submit: the caller has no influence on who is paid.
    /// @param awards In the order in which the guest proved them, 1 to `MAX_BATCH`.
    /// @param signatures The requesters' signatures of the awards, 65 bytes each.
    /// @param outputDigests SHA-256 of the canonical encoding of each task's output tensors.
    /// @param seal The proof: the verifier's selector, then its encoding.
    /// @return paid How many awards were paid.
    function settleBatch(
        Award[] calldata awards,
        bytes[] calldata signatures,
        bytes32[] calldata outputDigests,
        bytes calldata seal
    ) external returns (uint256 paid);

    /// @notice Puts a broken promise on the record of a worker: it bid for `offer`, was awarded at its own price,
    /// could have been paid, and the settle deadline has passed with the nonce unused. Anyone may report.
    /// @dev The nonce stays unused: another award on it, to the next best bidder, remains payable.
    /// @param offer What the bid answers; binds the award to the deadlines that the worker agreed to.
    /// @param bid The worker's promise.
    /// @param bidSignature Of the worker, 65 bytes.
    /// @param award The order.
    /// @param awardSignature Of the requester, 65 bytes.
    function reportMissed(
        Offer calldata offer,
        Bid calldata bid,
        bytes calldata bidSignature,
        Award calldata award,
        bytes calldata awardSignature
    ) external;

    /// @notice Whether a nonce of `requester` has paid.
    function isNonceUsed(address requester, uint256 nonce) external view returns (bool);

    /// @notice Whether a missed task is on record.
    function isReported(bytes32 taskId) external view returns (bool);

    /// @notice Verifier of all seals.
    function zkVerifier() external view returns (IRiscZeroVerifier);

    /// @notice The guest program whose proofs are accepted.
    function imageId() external view returns (bytes32);

    /// @notice Register of models.
    function marketplace() external view returns (IModelMarketplace);

    /// @notice Register of workers.
    function coordinator() external view returns (INodeCoordinator);

    /// @notice Record of use.
    function proofOfUse() external view returns (IProofOfUse);

    /// @notice The protocol fee in force and who gets it.
    function parameters() external view returns (IProtocolParameters);
}
