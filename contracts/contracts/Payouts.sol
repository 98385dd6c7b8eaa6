// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IModelMarketplace} from "./interfaces/IModelMarketplace.sol";
import {IPayouts} from "./interfaces/IPayouts.sol";
import {IPayoutTarget} from "./interfaces/IPayoutTarget.sol";
import {IProofOfUse} from "./interfaces/IProofOfUse.sol";
import {ProofOfUse} from "./ProofOfUse.sol";
import {Reports} from "./Reports.sol";
import {Award} from "./types/Award.sol";
import {Payout} from "./types/Payout.sol";

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
    }

    /// @notice Cap of the protocol fee in basis points of the price.
    uint16 public constant MAX_PROTOCOL_FEE_BPS = 500;

    /// @inheritdoc IPayouts
    IModelMarketplace public immutable override marketplace;
    /// @inheritdoc IPayouts
    IProofOfUse public immutable override proofOfUse;
    /// @inheritdoc IPayouts
    address public immutable override treasury;
    /// @inheritdoc IPayouts
    uint16 public immutable override protocolFeeBps;

    /// @inheritdoc IPayouts
    uint256 public override totalCredits;

    mapping(address account => uint256) private _credits;

    constructor(IModelMarketplace marketplace_, address treasury_, uint16 protocolFeeBps_, uint64 epochLength) {
        if (protocolFeeBps_ > MAX_PROTOCOL_FEE_BPS) revert ProtocolFeeTooHigh(protocolFeeBps_, MAX_PROTOCOL_FEE_BPS);
        if (treasury_ == address(0) || treasury_ == address(this)) revert InvalidTreasury(treasury_);
        marketplace = marketplace_;
        treasury = treasury_;
        protocolFeeBps = protocolFeeBps_;
        proofOfUse = new ProofOfUse(address(this), epochLength);
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
        // An allowance that is left over would let the target take other people's money later.
        bool exact = token.balanceOf(address(this)) == before - amount;
        if (!exact || token.allowance(address(this), address(target)) != 0) {
            revert PayoutMismatch(address(target), amount);
        }
    }

    /// @inheritdoc IPayouts
    function creditOf(address account) external view returns (uint256) {
        return _credits[account];
    }

    /// @dev Pays all charged awards; a zero task id marks a skipped one. The receivers are plain JOY holders, so no
    /// transfer can fail or call back.
    function _payBatch(Award[] calldata awards, bytes32[] memory taskIds, Payout payout) internal {
        Run memory worker;
        Run memory model;
        uint256 protocolFees;
        for (uint256 i = 0; i < awards.length; ++i) {
            if (taskIds[i] == bytes32(0)) continue;
            Award calldata award = awards[i];
            if (award.worker != worker.to) {
                _payWorker(worker, payout);
                (worker.to, worker.count, worker.amount) = (award.worker, 0, 0);
            }
            if (award.modelDigest != model.modelDigest || model.count == 0) {
                _payModel(model, payout);
                (model.modelDigest, model.count, model.amount) = (award.modelDigest, 0, 0);
            }
            uint256 protocolFee = _protocolFee(award.price);
            worker.amount += award.price - protocolFee;
            ++worker.count;
            model.amount += award.modelFee;
            ++model.count;
            protocolFees += protocolFee;
        }
        _payWorker(worker, payout);
        _payModel(model, payout);
        _pay(treasury, protocolFees, payout);
    }

    /// @dev Pays one award to `rescuer` in place of its worker.
    function _payRescue(Award calldata award, address rescuer, Payout payout) internal {
        uint256 protocolFee = _protocolFee(award.price);
        _payWorker(Run(bytes32(0), rescuer, 1, award.price - protocolFee), payout);
        _payModel(Run(award.modelDigest, address(0), 1, award.modelFee), payout);
        _pay(treasury, protocolFee, payout);
    }

    /// @dev Rounds down, in the worker's favour. `price` is covered by escrow, so the product cannot overflow.
    function _protocolFee(uint256 price) internal view returns (uint256) {
        return (price * protocolFeeBps) / 10_000;
    }

    function _payWorker(Run memory run, Payout payout) private {
        if (run.count == 0) return;
        coordinator.recordSettled(run.to, run.count);
        _pay(run.to, run.amount, payout);
    }

    function _payModel(Run memory run, Payout payout) private {
        if (run.count == 0) return;
        proofOfUse.record(run.modelDigest, run.count, run.amount);
        if (run.amount == 0) return;
        (address owner,) = marketplace.feeOf(run.modelDigest);
        _pay(owner, run.amount, payout);
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
