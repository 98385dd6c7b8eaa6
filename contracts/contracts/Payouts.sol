// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IModelMarketplace} from "./interfaces/IModelMarketplace.sol";
import {IPayouts} from "./interfaces/IPayouts.sol";
import {IPayoutTarget} from "./interfaces/IPayoutTarget.sol";
import {IProofOfUse} from "./interfaces/IProofOfUse.sol";
import {IProtocolParameters} from "./interfaces/IProtocolParameters.sol";
import {ProofOfUse} from "./ProofOfUse.sol";
import {Reports} from "./Reports.sol";
import {Award} from "./types/Award.sol";
import {Payout} from "./types/Payout.sol";
import {SessionAward} from "./types/SessionAward.sol";
import {ALL_BPS} from "./types/Share.sol";

/// @title Payment of workers, model owners and the protocol
/// @notice Pays what was charged, by transfer or by credit. Deploys the record of use.
abstract contract Payouts is IPayouts, Reports {
    using SafeERC20 for IERC20;

    /// @dev Neighbouring awards with the same receiver, paid at once.
    struct Run {
        bytes32 modelDigest;
        address to;
        uint64 count;
        uint256 amount;
        uint256 protocolFees;
    }

    /// @dev How a call pays, and what has come up for {ProofOfUse} and the treasury, each paid at once.
    struct Till {
        IProtocolParameters.Parameters terms;
        Payout payout;
        uint256 toUse;
        uint256 toTreasury;
    }

    /// @inheritdoc IPayouts
    IModelMarketplace public immutable override marketplace;
    /// @inheritdoc IPayouts
    IProofOfUse public immutable override proofOfUse;
    /// @inheritdoc IPayouts
    IProtocolParameters public immutable override parameters;

    /// @inheritdoc IPayouts
    uint256 public override totalCredits;

    mapping(address account => uint256) private _credits;

    constructor(IERC20 token_, IModelMarketplace marketplace_, IProtocolParameters parameters_, uint64 epochLength) {
        marketplace = marketplace_;
        parameters = parameters_;
        proofOfUse = new ProofOfUse(token_, marketplace_, address(this), epochLength);
    }

    /// @inheritdoc IPayouts
    function withdrawCredit() external nonReentrant returns (uint256 amount) {
        amount = _credits[msg.sender];
        _takeCredit(amount);
        emit CreditWithdrawn(msg.sender, msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IPayouts
    function withdrawCreditTo(IPayoutTarget target, bytes calldata stealthAddress, uint256 amount)
        external
        nonReentrant
    {
        _takeCredit(amount);
        emit CreditWithdrawn(msg.sender, address(target), amount);
        uint256 before = token.balanceOf(address(this));
        token.forceApprove(address(target), amount);
        target.depositFor(stealthAddress, amount);
        // Exactly the allowance was used, so none is left with which the target could take other people's money later.
        if (token.balanceOf(address(this)) != before - amount) revert PayoutMismatch(address(target), amount);
    }

    /// @inheritdoc IPayouts
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }

    /// @dev How this call pays.
    function _openTill(Payout payout) internal view returns (Till memory till) {
        (till.terms, till.payout) = (parameters.current(), payout);
    }

    /// @dev Pays all charged awards; a zero task id marks a skipped one. The receivers are plain JOY holders, so no
    /// transfer can fail or call back.
    function _payBatch(Award[] calldata awards, bytes32[] memory taskIds, Till memory till) internal {
        Run memory worker;
        Run memory model;
        for (uint256 i = 0; i < awards.length; ++i) {
            if (taskIds[i] == bytes32(0)) continue;
            Award calldata award = awards[i];
            if (award.worker != worker.to) {
                _payWorker(worker, till);
                (worker.to, worker.count, worker.amount) = (award.worker, 0, 0);
            }
            // The first run is of the zero digest, which is no model's.
            if (award.modelDigest != model.modelDigest) {
                _payModel(model, till);
                (model.modelDigest, model.count, model.amount, model.protocolFees) = (award.modelDigest, 0, 0, 0);
            }
            uint256 protocolFee = _protocolFee(award.price, till);
            worker.amount += award.price - protocolFee;
            ++worker.count;
            model.amount += award.modelFee;
            model.protocolFees += protocolFee;
            ++model.count;
        }
        _payWorker(worker, till);
        _payModel(model, till);
        _payDues(till);
    }

    /// @dev Pays one award to `rescuer` in place of its worker.
    function _payRescue(Award calldata award, address rescuer, Till memory till) internal {
        uint256 protocolFee = _protocolFee(award.price, till);
        _payWorker(Run(bytes32(0), rescuer, 1, award.price - protocolFee, 0), till);
        _payModel(Run(award.modelDigest, address(0), 1, award.modelFee, protocolFee), till);
        _payDues(till);
    }

    /// @dev Pays calls of a session. They are not on the worker's record, which counts proved work alone.
    function _payCalls(
        SessionAward calldata session,
        uint32 calls,
        uint256 amount,
        uint256 modelFees,
        Till memory till
    ) internal {
        uint256 protocolFee = _protocolFee(amount, till);
        _pay(session.worker, amount - protocolFee, till.payout);
        _payModel(Run(session.modelDigest, address(0), calls, modelFees, protocolFee), till);
        _payDues(till);
    }

    /// @dev Rounds down, in the worker's favour. `price` is covered by escrow, so the product cannot overflow.
    function _protocolFee(uint256 price, Till memory till) internal pure returns (uint256) {
        return (price * till.terms.protocolFeeBps) / ALL_BPS;
    }

    function _payWorker(Run memory run, Till memory till) private {
        if (run.count == 0) return;
        coordinator.recordSettled(run.to, run.count);
        _pay(run.to, run.amount, till.payout);
    }

    function _payModel(Run memory run, Till memory till) private {
        if (run.count == 0) return;
        uint256 pooled = (run.protocolFees * till.terms.rewardBps) / ALL_BPS;
        address payee = proofOfUse.record(run.modelDigest, run.count, run.amount, run.protocolFees, pooled);
        till.toUse += pooled;
        till.toTreasury += run.protocolFees - pooled;
        if (payee == address(proofOfUse)) till.toUse += run.amount;
        else _pay(payee, run.amount, till.payout);
    }

    /// @dev {ProofOfUse} counts on its JOY, so it gets it by transfer whatever the caller chose.
    function _payDues(Till memory till) private {
        _pay(address(proofOfUse), till.toUse, Payout.Direct);
        _pay(till.terms.treasury, till.toTreasury, till.payout);
    }

    function _pay(address to, uint256 amount, Payout payout) private {
        if (amount == 0) return;
        if (payout == Payout.Direct) return token.safeTransfer(to, amount);
        _credits[to] += amount;
        totalCredits += amount;
        emit Credited(to, amount);
    }

    function _takeCredit(uint256 amount) private {
        if (amount == 0) revert ZeroAmount();
        uint256 credit = _credits[msg.sender];
        if (amount > credit) revert InsufficientCredit(amount, credit);
        _credits[msg.sender] = credit - amount;
        totalCredits -= amount;
    }
}
