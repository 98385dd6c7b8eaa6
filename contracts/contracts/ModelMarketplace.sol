// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelMarketplace} from "./interfaces/IModelMarketplace.sol";
import {PRICE_NOTICE} from "./types/Windows.sol";

/// @title Register of models, their owners and prices
/// @notice First come, first served per digest. Holds no funds and has no owner of its own: only a model's owner
/// changes the model's record.
contract ModelMarketplace is IModelMarketplace {
    /// @notice Longest metadata in bytes.
    uint256 public constant MAX_METADATA = 1024;

    mapping(bytes32 modelDigest => Model) private _models;

    modifier onlyModelOwner(bytes32 modelDigest) {
        address owner = _models[modelDigest].owner;
        if (owner == address(0)) revert UnknownModel(modelDigest);
        if (owner != msg.sender) revert NotModelOwner(modelDigest, msg.sender);
        _;
    }

    /// @inheritdoc IModelMarketplace
    function register(bytes32 modelDigest, uint256 price, string calldata metadata) external {
        if (modelDigest == bytes32(0)) revert ZeroModelDigest();
        Model storage model = _models[modelDigest];
        if (model.owner != address(0)) revert AlreadyRegistered(modelDigest, model.owner);
        _requireShort(metadata);
        model.owner = msg.sender;
        model.price = price;
        model.metadata = metadata;
        emit ModelRegistered(modelDigest, msg.sender, price, metadata);
    }

    /// @inheritdoc IModelMarketplace
    function setPrice(bytes32 modelDigest, uint256 newPrice) external onlyModelOwner(modelDigest) {
        Model storage model = _models[modelDigest];
        uint256 current = _minFee(model);
        uint64 effectiveAt = uint64(block.timestamp);
        if (newPrice <= current) {
            model.price = newPrice;
            model.nextPrice = 0;
            model.increaseAt = 0;
        } else {
            effectiveAt += PRICE_NOTICE;
            model.price = current;
            model.nextPrice = newPrice;
            model.increaseAt = effectiveAt;
        }
        emit PriceChanged(modelDigest, newPrice, effectiveAt);
    }

    /// @inheritdoc IModelMarketplace
    function setMetadata(bytes32 modelDigest, string calldata metadata) external onlyModelOwner(modelDigest) {
        _requireShort(metadata);
        _models[modelDigest].metadata = metadata;
        emit MetadataChanged(modelDigest, metadata);
    }

    /// @inheritdoc IModelMarketplace
    function proposeOwner(bytes32 modelDigest, address newOwner) external onlyModelOwner(modelDigest) {
        _models[modelDigest].pendingOwner = newOwner;
        emit OwnerProposed(modelDigest, msg.sender, newOwner);
    }

    /// @inheritdoc IModelMarketplace
    function acceptOwner(bytes32 modelDigest) external {
        Model storage model = _models[modelDigest];
        if (model.pendingOwner != msg.sender) revert NotPendingOwner(modelDigest, msg.sender);
        address previousOwner = model.owner;
        model.owner = msg.sender;
        model.pendingOwner = address(0);
        emit OwnerChanged(modelDigest, previousOwner, msg.sender);
    }

    /// @inheritdoc IModelMarketplace
    function retire(bytes32 modelDigest) external onlyModelOwner(modelDigest) {
        _models[modelDigest].retired = true;
        emit RetiredChanged(modelDigest, true);
    }

    /// @inheritdoc IModelMarketplace
    function unretire(bytes32 modelDigest) external onlyModelOwner(modelDigest) {
        _models[modelDigest].retired = false;
        emit RetiredChanged(modelDigest, false);
    }

    /// @inheritdoc IModelMarketplace
    function feeOf(bytes32 modelDigest) external view returns (address owner, uint256 minFee) {
        Model storage model = _models[modelDigest];
        return (model.owner, _minFee(model));
    }

    /// @inheritdoc IModelMarketplace
    function modelOf(bytes32 modelDigest) external view returns (Model memory) {
        return _models[modelDigest];
    }

    function _minFee(Model storage model) private view returns (uint256) {
        uint64 increaseAt = model.increaseAt;
        return increaseAt != 0 && block.timestamp >= increaseAt ? model.nextPrice : model.price;
    }

    function _requireShort(string calldata metadata) private pure {
        uint256 length = bytes(metadata).length;
        if (length > MAX_METADATA) revert MetadataTooLong(length, MAX_METADATA);
    }
}
