// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {Escrow} from "./Escrow.sol";
import {IModelMarketplace} from "./interfaces/IModelMarketplace.sol";
import {INodeCoordinator} from "./interfaces/INodeCoordinator.sol";
import {IProofOfInference} from "./interfaces/IProofOfInference.sol";
import {IProofOfUse} from "./interfaces/IProofOfUse.sol";
import {IProtocolParameters} from "./interfaces/IProtocolParameters.sol";
import {IRiscZeroVerifier} from "./interfaces/IRiscZeroVerifier.sol";
import {Evidence} from "./libraries/Evidence.sol";
import {MerkleBatch} from "./libraries/MerkleBatch.sol";
import {NodeCoordinator} from "./NodeCoordinator.sol";
import {ProofOfUse} from "./ProofOfUse.sol";
import {TypedData} from "./TypedData.sol";
import {Award} from "./types/Award.sol";
import {Bid} from "./types/Bid.sol";
import {Offer} from "./types/Offer.sol";
import {ALL_BPS} from "./types/Share.sol";
import {MAX_SETTLE_WINDOW} from "./types/Windows.sol";

/// @title Settlement of proved inference
/// @notice Holds the requesters' escrow and pays it out for inferences that a RISC Zero proof shows were run. Has no
/// owner and no way to pay without a proof; the fee it takes is that of {ProtocolParameters}.
/// @dev Deploys {NodeCoordinator} and {ProofOfUse} itself, so that each knows the other from its first block on and
/// no account ever has the right to wire them.
contract ProofOfInference is IProofOfInference, Escrow, TypedData {
    using SafeERC20 for IERC20;
    using BitMaps for BitMaps.BitMap;

    /// @notice What a deployment chooses, for ever.
    /// @param token JOY.
    /// @param zkVerifier Verifier of all seals.
    /// @param imageId The guest program.
    /// @param marketplace Register of models.
    /// @param parameters The protocol fee, its receiver and the reward pool's part of it.
    /// @param withdrawalDelay Seconds, above `MAX_SETTLE_WINDOW`.
    /// @param epochLength Seconds of an epoch of {ProofOfUse}.
    /// @param minStake Least stake of a node, in the smallest unit of JOY.
    /// @param unbondingDelay Seconds, above `MAX_SETTLE_WINDOW`.
    struct Config {
        IERC20 token;
        IRiscZeroVerifier zkVerifier;
        bytes32 imageId;
        IModelMarketplace marketplace;
        IProtocolParameters parameters;
        uint64 withdrawalDelay;
        uint64 epochLength;
        uint256 minStake;
        uint64 unbondingDelay;
    }

    /// @dev The fee of the model looked up last: a batch usually has one model.
    struct Fee {
        bytes32 modelDigest;
        address owner;
        uint256 minimum;
    }

    /// @dev Neighbouring awards with the same receiver, paid by one transfer.
    struct Run {
        bytes32 modelDigest;
        address to;
        uint64 count;
        uint256 amount;
        uint256 protocolFees;
    }

    /// @dev What goes to {ProofOfUse} and to the treasury, each by one transfer.
    struct Dues {
        uint256 toUse;
        uint256 toTreasury;
    }

    /// @notice Most awards in one batch.
    uint256 public constant MAX_BATCH = 256;

    /// @inheritdoc IProofOfInference
    IRiscZeroVerifier public immutable override zkVerifier;
    /// @inheritdoc IProofOfInference
    bytes32 public immutable override imageId;
    /// @inheritdoc IProofOfInference
    IModelMarketplace public immutable override marketplace;
    /// @inheritdoc IProofOfInference
    INodeCoordinator public immutable override coordinator;
    /// @inheritdoc IProofOfInference
    IProofOfUse public immutable override proofOfUse;
    /// @inheritdoc IProofOfInference
    IProtocolParameters public immutable override parameters;

    mapping(address requester => BitMaps.BitMap) private _nonces;
    mapping(bytes32 taskId => bool) private _reported;

    /// @param config See {Config}.
    constructor(Config memory config) Escrow(config.token, config.withdrawalDelay) {
        zkVerifier = config.zkVerifier;
        imageId = config.imageId;
        marketplace = config.marketplace;
        parameters = config.parameters;
        coordinator = new NodeCoordinator(config.token, address(this), config.minStake, config.unbondingDelay);
        proofOfUse = new ProofOfUse(config.token, config.marketplace, address(this), config.epochLength);
    }

    /// @inheritdoc IProofOfInference
    function settleBatch(
        Award[] calldata awards,
        bytes[] calldata signatures,
        bytes32[] calldata outputDigests,
        bytes calldata seal
    ) external nonReentrant returns (uint256 paid) {
        uint256 count = awards.length;
        if (count == 0 || count > MAX_BATCH) revert InvalidBatchSize(count, MAX_BATCH);
        if (signatures.length != count || outputDigests.length != count) {
            revert LengthMismatch(count, signatures.length, outputDigests.length);
        }
        bytes32[] memory taskIds = _verifyBatch(awards, outputDigests, seal);
        IProtocolParameters.Parameters memory terms = parameters.current();
        Fee memory fee;
        for (uint256 i = 0; i < count; ++i) {
            Award calldata award = awards[i];
            SkipReason reason = _refusal(award, signatures[i], taskIds[i], fee);
            if (reason == SkipReason.None) {
                _charge(award, taskIds[i], outputDigests[i], terms.protocolFeeBps);
                ++paid;
            } else {
                emit AwardSkipped(taskIds[i], reason);
                taskIds[i] = bytes32(0);
            }
        }
        if (paid != 0) _payOut(awards, taskIds, terms);
    }

    /// @inheritdoc IProofOfInference
    function reportMissed(
        Offer calldata offer,
        Bid calldata bid,
        bytes calldata bidSignature,
        Award calldata award,
        bytes calldata awardSignature
    ) external nonReentrant {
        bytes32 taskId = hashAward(award);
        if (block.timestamp <= award.settleDeadline) revert NotYetMissed(award.settleDeadline);
        if (isNonceUsed(award.requester, award.nonce)) revert NonceAlreadyUsed(award.requester, award.nonce);
        if (_reported[taskId]) revert AlreadyReported(taskId);
        bytes32 bidHash = hashBid(bid);
        Evidence.requireSameTerms(offer, hashOffer(offer), bid, bidHash, award, address(token));
        if (!_signedBy(award.requester, taskId, awardSignature)) revert InvalidSignature(award.requester);
        if (!_signedBy(bid.worker, bidHash, bidSignature)) revert InvalidSignature(bid.worker);
        (address owner, uint256 minFee) = marketplace.feeOf(award.modelDigest);
        if (owner == address(0)) revert TermsMismatch(Term.ModelDigest);
        if (award.modelFee < minFee) revert TermsMismatch(Term.ModelFee);
        if (!_covers(award.requester, award.price, award.modelFee)) {
            revert AwardNotCovered(award.requester, award.price, award.modelFee);
        }
        _reported[taskId] = true;
        emit AwardMissed(taskId, award.requester, award.worker);
        coordinator.recordMissed(award.worker);
    }

    /// @inheritdoc IProofOfInference
    function isNonceUsed(address requester, uint256 nonce) public view returns (bool) {
        return _nonces[requester].get(nonce);
    }

    /// @inheritdoc IProofOfInference
    function isReported(bytes32 taskId) external view returns (bool) {
        return _reported[taskId];
    }

    /// @dev Returns the task ids once the proof has been accepted for exactly these tasks and outputs.
    function _verifyBatch(Award[] calldata awards, bytes32[] calldata outputDigests, bytes calldata seal)
        private
        returns (bytes32[] memory taskIds)
    {
        uint256 count = awards.length;
        taskIds = new bytes32[](count);
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            Award calldata award = awards[i];
            taskIds[i] = hashAward(award);
            leaves[i] = MerkleBatch.leaf(taskIds[i], award.modelDigest, award.inputDigest, outputDigests[i]);
        }
        bytes32 journalDigest = MerkleBatch.journalDigest(count, MerkleBatch.root(leaves));
        zkVerifier.verify(seal, imageId, journalDigest);
        emit BatchVerified(journalDigest, count);
    }

    /// @dev Why a proved award cannot be paid now, or `None`. Reverts for nothing that an award can contain.
    function _refusal(Award calldata award, bytes calldata signature, bytes32 taskId, Fee memory fee)
        private
        view
        returns (SkipReason)
    {
        if (!_signedBy(award.requester, taskId, signature)) return SkipReason.BadSignature;
        if (isNonceUsed(award.requester, award.nonce)) return SkipReason.NonceUsed;
        if (block.timestamp > award.settleDeadline) return SkipReason.Expired;
        if (award.settleDeadline > block.timestamp + MAX_SETTLE_WINDOW) return SkipReason.TooFarAhead;
        if (award.worker == address(0) || award.worker == address(this)) return SkipReason.InvalidWorker;
        if (fee.owner == address(0) || fee.modelDigest != award.modelDigest) {
            fee.modelDigest = award.modelDigest;
            (fee.owner, fee.minimum) = marketplace.feeOf(award.modelDigest);
        }
        if (fee.owner == address(0)) return SkipReason.UnknownModel;
        if (award.modelFee < fee.minimum) return SkipReason.ModelFeeTooLow;
        if (!_covers(award.requester, award.price, award.modelFee)) return SkipReason.InsufficientEscrow;
        return SkipReason.None;
    }

    function _charge(Award calldata award, bytes32 taskId, bytes32 outputDigest, uint256 feeBps) private {
        _nonces[award.requester].set(award.nonce);
        _debit(award.requester, award.price + award.modelFee);
        emit AwardSettled(
            taskId,
            award.requester,
            award.worker,
            award.modelDigest,
            award.price,
            award.modelFee,
            _protocolFee(award.price, feeBps),
            outputDigest
        );
    }

    /// @dev Pays all charged awards; a zero task id marks a skipped one. The receivers are plain JOY holders, so no
    /// transfer can fail or call back.
    function _payOut(
        Award[] calldata awards,
        bytes32[] memory taskIds,
        IProtocolParameters.Parameters memory terms
    ) private {
        Run memory worker;
        Run memory model;
        Dues memory dues;
        for (uint256 i = 0; i < awards.length; ++i) {
            if (taskIds[i] == bytes32(0)) continue;
            Award calldata award = awards[i];
            if (award.worker != worker.to) {
                _payWorker(worker);
                (worker.to, worker.count, worker.amount) = (award.worker, 0, 0);
            }
            if (award.modelDigest != model.modelDigest || model.count == 0) {
                _payModel(model, dues, terms.rewardBps);
                (model.modelDigest, model.count, model.amount, model.protocolFees) = (award.modelDigest, 0, 0, 0);
            }
            uint256 protocolFee = _protocolFee(award.price, terms.protocolFeeBps);
            worker.amount += award.price - protocolFee;
            ++worker.count;
            model.amount += award.modelFee;
            model.protocolFees += protocolFee;
            ++model.count;
        }
        _payWorker(worker);
        _payModel(model, dues, terms.rewardBps);
        if (dues.toUse != 0) token.safeTransfer(address(proofOfUse), dues.toUse);
        if (dues.toTreasury != 0) token.safeTransfer(terms.treasury, dues.toTreasury);
    }

    function _payWorker(Run memory run) private {
        if (run.count == 0) return;
        coordinator.recordSettled(run.to, run.count);
        if (run.amount != 0) token.safeTransfer(run.to, run.amount);
    }

    function _payModel(Run memory run, Dues memory dues, uint256 rewardBps) private {
        if (run.count == 0) return;
        uint256 pooled = (run.protocolFees * rewardBps) / ALL_BPS;
        address payee = proofOfUse.record(run.modelDigest, run.count, run.amount, run.protocolFees, pooled);
        dues.toUse += pooled;
        dues.toTreasury += run.protocolFees - pooled;
        if (payee == address(proofOfUse)) dues.toUse += run.amount;
        else if (run.amount != 0) token.safeTransfer(payee, run.amount);
    }

    /// @dev Rounds down, in the worker's favour. `price` is covered by escrow, so the product cannot overflow.
    function _protocolFee(uint256 price, uint256 feeBps) private pure returns (uint256) {
        return (price * feeBps) / ALL_BPS;
    }
}
