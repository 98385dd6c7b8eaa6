// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Escrow} from "./Escrow.sol";
import {IInferenceCallback} from "./interfaces/IInferenceCallback.sol";
import {IModelMarketplace} from "./interfaces/IModelMarketplace.sol";
import {INodeCoordinator} from "./interfaces/INodeCoordinator.sol";
import {IProofOfInference} from "./interfaces/IProofOfInference.sol";
import {IProtocolParameters} from "./interfaces/IProtocolParameters.sol";
import {IRiscZeroVerifier} from "./interfaces/IRiscZeroVerifier.sol";
import {MerkleBatch} from "./libraries/MerkleBatch.sol";
import {Payouts} from "./Payouts.sol";
import {Proofs} from "./Proofs.sol";
import {Reports} from "./Reports.sol";
import {Sessions} from "./Sessions.sol";
import {Award} from "./types/Award.sol";
import {Payout} from "./types/Payout.sol";
import {Slice} from "./types/Slice.sol";
import {MAX_SETTLE_WINDOW} from "./types/Windows.sol";

/// @title Settlement of proved inference
/// @notice Holds the requesters' escrow and pays it out for inferences that a RISC Zero proof shows were run, and for
/// calls of sessions that the requester itself has signed for. Has no owner and no other way to pay; the fee it takes
/// is that of {ProtocolParameters}.
/// @dev Binds {NodeCoordinator} and deploys {ProofOfUse} itself, so that each knows the other from its first block on
/// and no account ever has the right to wire them.
contract ProofOfInference is IProofOfInference, Sessions, Proofs {
    /// @notice What a deployment chooses, for ever.
    /// @param token JOY.
    /// @param zkVerifier Verifier of all seals.
    /// @param imageId The guest program.
    /// @param marketplace Register of models.
    /// @param parameters The protocol fee, its receiver and the reward pool's part of it.
    /// @param withdrawalDelay Seconds, above `MAX_SETTLE_WINDOW`.
    /// @param epochLength Seconds of an epoch of {ProofOfUse}.
    /// @param coordinator Register of workers; nobody's settlement contract yet.
    struct Config {
        IERC20 token;
        IRiscZeroVerifier zkVerifier;
        bytes32 imageId;
        IModelMarketplace marketplace;
        IProtocolParameters parameters;
        uint64 withdrawalDelay;
        uint64 epochLength;
        INodeCoordinator coordinator;
    }

    /// @dev The fee of the model looked up last: a batch usually has one model.
    struct Fee {
        bytes32 modelDigest;
        address owner;
        uint256 minimum;
    }

    /// @notice Most awards in one call.
    uint256 public constant MAX_BATCH = 256;

    /// @param config See {Config}.
    constructor(Config memory config)
        Escrow(config.token, config.withdrawalDelay)
        Reports(config.token, config.coordinator)
        Payouts(config.token, config.marketplace, config.parameters, config.epochLength)
        Proofs(config.zkVerifier, config.imageId)
    {}

    /// @inheritdoc IProofOfInference
    function settleBatch(
        Award[] calldata awards,
        bytes[] calldata signatures,
        bytes32[] calldata outputDigests,
        bytes calldata seal,
        Payout payout
    ) external nonReentrant returns (uint256) {
        (bytes32[] memory taskIds, bytes32[] memory leaves) = _leaves(awards, signatures, outputDigests);
        _prove(leaves.length, MerkleBatch.root(leaves), seal);
        return _settle(awards, signatures, outputDigests, taskIds, payout);
    }

    /// @inheritdoc IProofOfInference
    function settleSlice(
        Award[] calldata awards,
        bytes[] calldata signatures,
        bytes32[] calldata outputDigests,
        Slice calldata slice,
        Payout payout
    ) external nonReentrant returns (uint256) {
        (bytes32[] memory taskIds, bytes32[] memory leaves) = _leaves(awards, signatures, outputDigests);
        _requireProven(slice.count, MerkleBatch.rootOfSlice(leaves, slice));
        return _settle(awards, signatures, outputDigests, taskIds, payout);
    }

    /// @inheritdoc IProofOfInference
    function rescue(Award calldata award, bytes32 outputDigest, address rescuer, Slice calldata slice, Payout payout)
        external
        nonReentrant
    {
        if (rescuer == address(0) || rescuer == address(this)) revert InvalidRescuer(rescuer);
        bytes32 taskId = hashAward(award);
        _requireRescuable(award, taskId);
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = MerkleBatch.leaf(hashRescue(taskId, rescuer), award.modelDigest, award.inputDigest, outputDigest);
        _requireProven(slice.count, MerkleBatch.rootOfSlice(leaves, slice));
        _useNonce(award.requester, award.nonce);
        _spendReport(award, taskId);
        emit AwardRescued(taskId, award.requester, rescuer, outputDigest);
        _payRescue(award, rescuer, _openTill(payout));
        coordinator.slashRescued(taskId, award.worker, award.requester, rescuer);
        _tell(award.requester, taskId, outputDigest);
    }

    /// @dev Task ids and leaves of some awards in their order.
    function _leaves(Award[] calldata awards, bytes[] calldata signatures, bytes32[] calldata outputDigests)
        private
        view
        returns (bytes32[] memory taskIds, bytes32[] memory leaves)
    {
        uint256 count = awards.length;
        if (count == 0 || count > MAX_BATCH) revert InvalidBatchSize(count, MAX_BATCH);
        if (signatures.length != count || outputDigests.length != count) {
            revert LengthMismatch(count, signatures.length, outputDigests.length);
        }
        taskIds = new bytes32[](count);
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            Award calldata award = awards[i];
            taskIds[i] = hashAward(award);
            leaves[i] = MerkleBatch.leaf(taskIds[i], award.modelDigest, award.inputDigest, outputDigests[i]);
        }
    }

    /// @dev Pays the proved awards that are in order; `taskIds` of the others become zero.
    function _settle(
        Award[] calldata awards,
        bytes[] calldata signatures,
        bytes32[] calldata outputDigests,
        bytes32[] memory taskIds,
        Payout payout
    ) private returns (uint256 paid) {
        Fee memory fee;
        Till memory till = _openTill(payout);
        for (uint256 i = 0; i < awards.length; ++i) {
            Award calldata award = awards[i];
            SkipReason reason = _refusal(award, signatures[i], taskIds[i], fee);
            if (reason == SkipReason.None) {
                _charge(award, taskIds[i], outputDigests[i], _protocolFee(award.price, till));
                ++paid;
            } else {
                emit AwardSkipped(taskIds[i], reason);
                taskIds[i] = bytes32(0);
            }
        }
        if (paid == 0) return 0;
        _payBatch(awards, taskIds, till);
        // Strangers' code comes last, when nothing is left to be changed.
        for (uint256 i = 0; i < awards.length; ++i) {
            if (taskIds[i] != bytes32(0)) _tell(awards[i].requester, taskIds[i], outputDigests[i]);
        }
    }

    /// @dev Why a proved award cannot be paid now, or `None`. Reverts for nothing that an award can contain.
    function _refusal(Award calldata award, bytes calldata signature, bytes32 taskId, Fee memory fee)
        private
        view
        returns (SkipReason)
    {
        if (!_signedBy(award.requester, taskId, signature)) return SkipReason.BadSignature;
        if (isNonceUsed(award.requester, award.nonce)) return SkipReason.NonceUsed;
        // The report of a missed award has checked the rest and set its money aside.
        if (block.timestamp > award.settleDeadline) {
            return _isAnswerable(taskId) ? SkipReason.None : SkipReason.Expired;
        }
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

    function _charge(Award calldata award, bytes32 taskId, bytes32 outputDigest, uint256 protocolFee) private {
        _useNonce(award.requester, award.nonce);
        if (block.timestamp > award.settleDeadline) {
            _spendReport(award, taskId);
            coordinator.recordAnswered(taskId, award.worker);
        } else {
            _debit(award.requester, award.price + award.modelFee);
        }
        emit AwardSettled(
            taskId,
            award.requester,
            award.worker,
            award.modelDigest,
            award.price,
            award.modelFee,
            protocolFee,
            outputDigest
        );
    }

    /// @dev Calls a requester's contract that asked for it. Whatever it does, the settlement stands: its gas is
    /// capped and none of what it returns is copied. Less gas than it asked for is the submitter's fault and reverts.
    function _tell(address requester, bytes32 taskId, bytes32 outputDigest) private {
        uint256 limit = callbackGasOf(requester);
        if (limit == 0) return;
        // EIP-150 keeps one part in 64 back; the rest is for the call itself and for the event.
        uint256 needed = limit + limit / 63 + 10_000;
        if (gasleft() < needed) revert CallbackGasTooLow(needed);
        bytes memory data = abi.encodeCall(IInferenceCallback.onInference, (taskId, outputDigest));
        bool success;
        assembly ("memory-safe") {
            success := call(limit, requester, 0, add(data, 32), mload(data), 0, 0)
        }
        if (!success) emit CallbackFailed(taskId, requester);
    }
}
