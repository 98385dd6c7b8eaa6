// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";

import {IModelMarketplace} from "./interfaces/IModelMarketplace.sol";
import {Shares} from "./libraries/Shares.sol";
import {ALL_BPS, Share} from "./types/Share.sol";
import {PRICE_NOTICE} from "./types/Windows.sol";

/// @title Register of models: versions, prices, licences, and who shares in their fees
/// @notice First come, first served per digest. Holds no funds and has no owner of its own: only a model's owner
/// changes the model's record, and only the holder of a share gives it away.
contract ModelMarketplace is IModelMarketplace, Multicall {
    using Shares for Share[];

    /// @notice Longest metadata in bytes.
    uint256 public constant MAX_METADATA = 1024;
    /// @notice Longest licence in bytes.
    uint256 public constant MAX_LICENCE = 128;
    /// @notice Most accounts that share in one model: a claim pays all of them.
    uint256 public constant MAX_HOLDERS = 8;

    mapping(bytes32 modelDigest => Model) private _models;
    /// @dev Empty while the owner holds everything.
    mapping(bytes32 modelDigest => Share[]) private _shares;
    /// @dev Newest version by series; empty while there is only the first.
    mapping(bytes32 series => bytes32 modelDigest) private _latest;

    modifier onlyModelOwner(bytes32 modelDigest) {
        address owner = _models[modelDigest].owner;
        if (owner == address(0)) revert UnknownModel(modelDigest);
        if (owner != msg.sender) revert NotModelOwner(modelDigest, msg.sender);
        _;
    }

    /// @inheritdoc IModelMarketplace
    function register(bytes32 modelDigest, uint256 price, string calldata metadata) external {
        _register(modelDigest, price, metadata, modelDigest, 1);
    }

    /// @inheritdoc IModelMarketplace
    function registerVersion(bytes32 previous, bytes32 modelDigest, uint256 price, string calldata metadata)
        external
        onlyModelOwner(previous)
    {
        bytes32 series = _models[previous].series;
        bytes32 latest = latestOf(previous);
        if (latest != previous) revert NotLatestVersion(previous, latest);
        uint16 version = _models[previous].version + 1;
        _register(modelDigest, price, metadata, series, version);
        _models[modelDigest].licence = _models[previous].licence;
        _shares[modelDigest] = _shares[previous];
        _latest[series] = modelDigest;
        emit VersionRegistered(series, modelDigest, version);
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
    function setLicence(bytes32 modelDigest, string calldata licence) external onlyModelOwner(modelDigest) {
        _requireShort(licence, MAX_LICENCE);
        _models[modelDigest].licence = licence;
        emit LicenceChanged(modelDigest, licence);
    }

    /// @inheritdoc IModelMarketplace
    function setMetadata(bytes32 modelDigest, string calldata metadata) external onlyModelOwner(modelDigest) {
        _requireShort(metadata, MAX_METADATA);
        _models[modelDigest].metadata = metadata;
        emit MetadataChanged(modelDigest, metadata);
    }

    /// @inheritdoc IModelMarketplace
    function moveShares(bytes32 modelDigest, Share[] calldata shares) external {
        address owner = _models[modelDigest].owner;
        if (owner == address(0)) revert UnknownModel(modelDigest);
        Share[] storage list = _shares[modelDigest];
        if (list.length == 0) list.push(Share(owner, ALL_BPS));
        for (uint256 i = 0; i < shares.length; ++i) {
            (address to, uint16 bps) = (shares[i].to, shares[i].bps);
            if (to == address(0) || bps == 0) revert InvalidShare(to, bps);
            uint256 held = list.heldBy(msg.sender);
            if (bps > held) revert ShareTooSmall(modelDigest, msg.sender, bps, held);
            list.move(msg.sender, to, bps);
            emit ShareMoved(modelDigest, msg.sender, to, bps);
        }
        if (list.length > MAX_HOLDERS) revert TooManyHolders(list.length, MAX_HOLDERS);
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
        uint16 held = uint16(_shares[modelDigest].heldBy(previousOwner));
        if (held != 0) {
            _shares[modelDigest].move(previousOwner, msg.sender, held);
            emit ShareMoved(modelDigest, previousOwner, msg.sender, held);
        }
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
    function holderOf(bytes32 modelDigest) external view returns (address owner, address soleHolder) {
        owner = _models[modelDigest].owner;
        Share[] storage list = _shares[modelDigest];
        uint256 holders = list.length;
        if (holders == 0) soleHolder = owner;
        else if (holders == 1) soleHolder = list[0].to;
    }

    /// @inheritdoc IModelMarketplace
    function sharesOf(bytes32 modelDigest) external view returns (Share[] memory shares) {
        shares = _shares[modelDigest];
        address owner = _models[modelDigest].owner;
        if (shares.length == 0 && owner != address(0)) {
            shares = new Share[](1);
            shares[0] = Share(owner, ALL_BPS);
        }
    }

    /// @inheritdoc IModelMarketplace
    function modelOf(bytes32 modelDigest) external view returns (Model memory) {
        return _models[modelDigest];
    }

    /// @inheritdoc IModelMarketplace
    function latestOf(bytes32 modelDigest) public view returns (bytes32) {
        bytes32 series = _models[modelDigest].series;
        bytes32 latest = _latest[series];
        return latest == bytes32(0) ? series : latest;
    }

    function _register(bytes32 modelDigest, uint256 price, string calldata metadata, bytes32 series, uint16 version)
        private
    {
        if (modelDigest == bytes32(0)) revert ZeroModelDigest();
        Model storage model = _models[modelDigest];
        if (model.owner != address(0)) revert AlreadyRegistered(modelDigest, model.owner);
        _requireShort(metadata, MAX_METADATA);
        model.owner = msg.sender;
        model.version = version;
        model.price = price;
        model.series = series;
        model.metadata = metadata;
        emit ModelRegistered(modelDigest, msg.sender, price, metadata);
    }

    function _minFee(Model storage model) private view returns (uint256) {
        uint64 increaseAt = model.increaseAt;
        return increaseAt != 0 && block.timestamp >= increaseAt ? model.nextPrice : model.price;
    }

    function _requireShort(string calldata text, uint256 maximum) private pure {
        uint256 length = bytes(text).length;
        if (length > maximum) revert TextTooLong(length, maximum);
    }
}
