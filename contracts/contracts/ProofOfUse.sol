// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IProofOfUse} from "./interfaces/IProofOfUse.sol";

/// @title Record of how much each model is used
/// @notice Counts and fees per model and epoch. Written by the settlement contract alone, and only for awards that
/// were proved and paid. Holds no funds and has no owner.
contract ProofOfUse is IProofOfUse {
    address private immutable _settlement;
    uint64 private immutable _epochLength;

    mapping(bytes32 modelDigest => Use) private _ever;
    mapping(uint256 epoch => mapping(bytes32 modelDigest => Use)) private _inEpoch;
    mapping(uint256 epoch => Use) private _total;

    /// @param settlement_ The contract whose settlements are counted.
    /// @param epochLength_ Seconds.
    constructor(address settlement_, uint64 epochLength_) {
        if (epochLength_ == 0) revert ZeroEpochLength();
        _settlement = settlement_;
        _epochLength = epochLength_;
    }

    /// @inheritdoc IProofOfUse
    function record(bytes32 modelDigest, uint64 count, uint256 fees) external {
        if (msg.sender != _settlement) revert NotSettlement(msg.sender);
        uint256 epoch = currentEpoch();
        _add(_ever[modelDigest], count, fees);
        _add(_inEpoch[epoch][modelDigest], count, fees);
        _add(_total[epoch], count, fees);
        emit UseRecorded(modelDigest, epoch, count, fees);
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
    function totalInEpoch(uint256 epoch) external view returns (Use memory) {
        return _total[epoch];
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

    /// @dev 192 bits hold the whole supply of JOY 2^102 times over, so the cast cannot lose anything.
    function _add(Use storage use, uint64 count, uint256 fees) private {
        use.count += count;
        use.fees += uint192(fees);
    }
}
