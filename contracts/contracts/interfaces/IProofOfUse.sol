// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Record of how much each model is used, what its holders may claim, and the reward pool
interface IProofOfUse {
    /// @notice What was settled for a model or an owner, ever or in one epoch.
    /// @dev One storage slot: 112 bits hold the whole supply of JOY five million times over.
    /// @param count Proved and paid inferences.
    /// @param fees Model fees paid, in the smallest unit of JOY.
    /// @param protocolFees Protocol fees paid with them, in the smallest unit of JOY.
    struct Use {
        uint48 count;
        uint112 fees;
        uint96 protocolFees;
    }

    /// @notice The reward pool of an epoch.
    /// @param amount All JOY that came in, less what was carried over.
    /// @param claimed What was paid out of it.
    struct Pool {
        uint128 amount;
        uint128 claimed;
    }

    /// @notice `count` inferences of `modelDigest` were paid with `fees` and `protocolFees` in all during `epoch`.
    event UseRecorded(
        bytes32 indexed modelDigest, uint256 indexed epoch, uint64 count, uint256 fees, uint256 protocolFees
    );
    /// @notice `amount` joined the pool of `epoch`, given by `from`.
    event PoolFunded(uint256 indexed epoch, address indexed from, uint256 amount);
    /// @notice The pool of `epoch` was too large for its fees; `amount` moved to the pool of `to`.
    event PoolCarried(uint256 indexed epoch, uint256 indexed to, uint256 amount);
    /// @notice Shared fees of a model were paid to its holders.
    event RoyaltiesClaimed(bytes32 indexed modelDigest, uint256 amount);
    /// @notice The reward of a model for one epoch was paid to its holders.
    event RewardClaimed(bytes32 indexed modelDigest, uint256 indexed epoch, uint256 amount);

    /// @notice Only the settlement contract records use.
    error NotSettlement(address caller);
    /// @notice An epoch must last at least one second.
    error ZeroEpochLength();
    /// @notice The amount is zero.
    error ZeroAmount();
    /// @notice The epoch has not ended.
    error EpochNotOver(uint256 epoch, uint256 current);
    /// @notice There is nothing to pay or to carry over.
    error NothingDue();

    /// @notice Adds paid inferences of one model to the current epoch.
    /// @dev Only the settlement contract, which then transfers `fees` to `payee` and `pooled` to this contract.
    /// @param pooled The part of `protocolFees` that joins the reward pool.
    /// @return payee Who gets the model fees: the one holder of the model's fees, or this contract for several.
    function record(bytes32 modelDigest, uint64 count, uint256 fees, uint256 protocolFees, uint256 pooled)
        external
        returns (address payee);

    /// @notice Adds JOY of the caller to the pool of the current epoch.
    function fund(uint256 amount) external;

    /// @notice Moves what the pool of an ended epoch holds above the epoch's protocol fees to the current pool. Anyone.
    function carryOver(uint256 epoch) external returns (uint256 amount);

    /// @notice Pays the shared fees of a model to its holders of now. Anyone.
    function claimRoyalties(bytes32 modelDigest) external returns (uint256 amount);

    /// @notice Pays the rewards of a model for ended epochs to its holders of now. Anyone; epochs without a reward,
    /// or claimed already, are passed over.
    function claimRewards(bytes32 modelDigest, uint256[] calldata epochs) external returns (uint256 amount);

    /// @notice What `claimRewards` would pay for one epoch, were it over now: the model's part of
    /// `min(pool, protocol fees)` by protocol fees, so never more than was paid in protocol fees for the model.
    function rewardOf(bytes32 modelDigest, uint256 epoch) external view returns (uint256);

    /// @notice Shared fees of a model that wait for its holders.
    function royaltiesOf(bytes32 modelDigest) external view returns (uint256);

    /// @notice Everything that was settled for a model.
    function useOf(bytes32 modelDigest) external view returns (Use memory);

    /// @notice What was settled for a model in one epoch.
    function useInEpoch(bytes32 modelDigest, uint256 epoch) external view returns (Use memory);

    /// @notice What was settled in one epoch for the models that were `owner`'s at the time.
    function useOfOwner(address owner, uint256 epoch) external view returns (Use memory);

    /// @notice What was settled for all models in one epoch.
    function totalInEpoch(uint256 epoch) external view returns (Use memory);

    /// @notice The pool of one epoch.
    function poolOf(uint256 epoch) external view returns (Pool memory);

    /// @notice Number of the running epoch: block time divided by the epoch's length.
    function currentEpoch() external view returns (uint256);

    /// @notice Length of an epoch in seconds.
    function epochLength() external view returns (uint64);
}
