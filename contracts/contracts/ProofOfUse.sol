// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IModelMarketplace} from "./interfaces/IModelMarketplace.sol";
import {IProofOfUse} from "./interfaces/IProofOfUse.sol";
import {Shares} from "./libraries/Shares.sol";
import {Share} from "./types/Share.sol";

/// @title Record of how much each model is used, what its holders may claim, and the reward pool
/// @notice Counts and fees per model, owner and epoch, written by the settlement contract alone, and only for awards
/// that were proved and paid, and for calls of sessions that were paid. Holds model fees that several accounts share until one of them claims, and the pools.
/// Has no owner.
/// @dev Rewards go by protocol fees, not by counts or model fees: an owner pays itself model fees at no cost and
/// inferences at next to none, but a protocol fee is gone. As a reward is at most the protocol fees that were paid
/// for the model in that epoch, use of one's own model cannot earn more than it costs, whatever the pool holds.
contract ProofOfUse is IProofOfUse, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;
    using Shares for Share[];

    IERC20 private immutable _token;
    IModelMarketplace private immutable _marketplace;
    address private immutable _settlement;
    uint64 private immutable _epochLength;

    mapping(bytes32 modelDigest => Use) private _ever;
    mapping(uint256 epoch => mapping(bytes32 modelDigest => Use)) private _inEpoch;
    mapping(uint256 epoch => mapping(address owner => Use)) private _ofOwner;
    mapping(uint256 epoch => Use) private _total;
    mapping(uint256 epoch => Pool) private _pools;
    mapping(bytes32 modelDigest => uint256) private _royalties;
    mapping(uint256 epoch => mapping(bytes32 modelDigest => bool)) private _rewarded;

    /// @param token_ JOY.
    /// @param marketplace_ Register of models.
    /// @param settlement_ The contract whose settlements are counted.
    /// @param epochLength_ Seconds.
    constructor(IERC20 token_, IModelMarketplace marketplace_, address settlement_, uint64 epochLength_) {
        if (epochLength_ == 0) revert ZeroEpochLength();
        _token = token_;
        _marketplace = marketplace_;
        _settlement = settlement_;
        _epochLength = epochLength_;
    }

    /// @inheritdoc IProofOfUse
    function record(bytes32 modelDigest, uint64 count, uint256 fees, uint256 protocolFees, uint256 pooled)
        external
        returns (address payee)
    {
        if (msg.sender != _settlement) revert NotSettlement(msg.sender);
        uint256 epoch = currentEpoch();
        address owner;
        (owner, payee) = _marketplace.holderOf(modelDigest);
        Use memory use = Use(uint48(count), fees.toUint112(), protocolFees.toUint96());
        _add(_ever[modelDigest], use);
        _add(_inEpoch[epoch][modelDigest], use);
        _add(_ofOwner[epoch][owner], use);
        _add(_total[epoch], use);
        if (pooled != 0) _pools[epoch].amount += pooled.toUint128();
        emit UseRecorded(modelDigest, epoch, count, fees, protocolFees);
        if (payee == address(0)) {
            payee = address(this);
            _royalties[modelDigest] += fees;
        }
    }

    /// @inheritdoc IProofOfUse
    function fund(uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        uint256 epoch = currentEpoch();
        _pools[epoch].amount += amount.toUint128();
        emit PoolFunded(epoch, msg.sender, amount);
        _token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IProofOfUse
    function carryOver(uint256 epoch) external returns (uint256 amount) {
        uint256 current = _requireOver(epoch);
        Pool storage pool = _pools[epoch];
        uint256 most = _total[epoch].protocolFees;
        if (pool.amount <= most) revert NothingDue();
        amount = pool.amount - most;
        pool.amount = uint128(most);
        _pools[current].amount += uint128(amount);
        emit PoolCarried(epoch, current, amount);
    }

    /// @inheritdoc IProofOfUse
    function claimRoyalties(bytes32 modelDigest) external nonReentrant returns (uint256 amount) {
        amount = _royalties[modelDigest];
        if (amount == 0) revert NothingDue();
        _royalties[modelDigest] = 0;
        emit RoyaltiesClaimed(modelDigest, amount);
        _payHolders(modelDigest, amount);
    }

    /// @inheritdoc IProofOfUse
    function claimRewards(bytes32 modelDigest, uint256[] calldata epochs)
        external
        nonReentrant
        returns (uint256 amount)
    {
        for (uint256 i = 0; i < epochs.length; ++i) {
            uint256 epoch = epochs[i];
            _requireOver(epoch);
            uint256 reward = rewardOf(modelDigest, epoch);
            if (reward == 0) continue;
            _rewarded[epoch][modelDigest] = true;
            _pools[epoch].claimed += uint128(reward);
            amount += reward;
            emit RewardClaimed(modelDigest, epoch, reward);
        }
        if (amount == 0) revert NothingDue();
        _payHolders(modelDigest, amount);
    }

    /// @inheritdoc IProofOfUse
    function rewardOf(bytes32 modelDigest, uint256 epoch) public view returns (uint256) {
        if (_rewarded[epoch][modelDigest]) return 0;
        uint256 total = _total[epoch].protocolFees;
        uint256 pool = _pools[epoch].amount;
        uint256 paid = _inEpoch[epoch][modelDigest].protocolFees;
        return pool >= total ? paid : (paid * pool) / total;
    }

    /// @inheritdoc IProofOfUse
    function royaltiesOf(bytes32 modelDigest) external view returns (uint256) {
        return _royalties[modelDigest];
    }

    /// @inheritdoc IProofOfUse
    function useOf(bytes32 modelDigest) external view returns (Use memory) {
        return _ever[modelDigest];
    }

    /// @inheritdoc IProofOfUse
    function useInEpoch(bytes32 modelDigest, uint256 epoch) external view returns (Use memory) {
        return _inEpoch[epoch][modelDigest];
    }

    /// @inheritdoc IProofOfUse
    function useOfOwner(address owner, uint256 epoch) external view returns (Use memory) {
        return _ofOwner[epoch][owner];
    }

    /// @inheritdoc IProofOfUse
    function totalInEpoch(uint256 epoch) external view returns (Use memory) {
        return _total[epoch];
    }

    /// @inheritdoc IProofOfUse
    function poolOf(uint256 epoch) external view returns (Pool memory) {
        return _pools[epoch];
    }

    /// @inheritdoc IProofOfUse
    function currentEpoch() public view returns (uint256) {
        return block.timestamp / _epochLength;
    }

    /// @inheritdoc IProofOfUse
    function epochLength() external view returns (uint64) {
        return _epochLength;
    }

    /// @notice The contract that records.
    function settlement() external view returns (address) {
        return _settlement;
    }

    function _add(Use storage sum, Use memory use) private {
        sum.count += use.count;
        sum.fees += use.fees;
        sum.protocolFees += use.protocolFees;
    }

    /// @dev The receivers hold plain JOY, so no transfer can fail or call back.
    function _payHolders(bytes32 modelDigest, uint256 amount) private {
        Share[] memory holders = _marketplace.sharesOf(modelDigest);
        uint256[] memory parts = holders.split(amount);
        for (uint256 i = 0; i < holders.length; ++i) {
            if (parts[i] != 0) _token.safeTransfer(holders[i].to, parts[i]);
        }
    }

    function _requireOver(uint256 epoch) private view returns (uint256 current) {
        current = currentEpoch();
        if (epoch >= current) revert EpochNotOver(epoch, current);
    }
}
