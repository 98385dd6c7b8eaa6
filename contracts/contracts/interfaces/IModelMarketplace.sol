// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Share} from "../types/Share.sol";

/// @title Register of models: versions, prices, licences, and who shares in their fees
interface IModelMarketplace {
    /// @notice One registered model.
    /// @param owner Who sets price, licence, metadata and retirement.
    /// @param increaseAt When `nextPrice` takes effect, seconds UTC; 0 when none is announced.
    /// @param retired Whether the owner asks for no new work.
    /// @param version 1 for a model that follows no other, else one more than that of the model before.
    /// @param pendingOwner Who may accept the ownership; 0 when nobody.
    /// @param price Fee per inference before `increaseAt`, in the smallest unit of JOY.
    /// @param nextPrice Fee per inference from `increaseAt` on.
    /// @param series Digest of the first version.
    /// @param licence An SPDX licence expression or the CID of a text; empty when not stated.
    /// @param metadata A CID or JSON text.
    struct Model {
        address owner;
        uint64 increaseAt;
        bool retired;
        uint16 version;
        address pendingOwner;
        uint256 price;
        uint256 nextPrice;
        bytes32 series;
        string licence;
        string metadata;
    }

    /// @notice `owner` registered a model.
    event ModelRegistered(bytes32 indexed modelDigest, address indexed owner, uint256 price, string metadata);
    /// @notice The model is number `version` of a series.
    event VersionRegistered(bytes32 indexed series, bytes32 indexed modelDigest, uint16 version);
    /// @notice The fee becomes `price` at `effectiveAt`.
    event PriceChanged(bytes32 indexed modelDigest, uint256 price, uint64 effectiveAt);
    /// @notice The licence was replaced; it holds for awards from now on.
    event LicenceChanged(bytes32 indexed modelDigest, string licence);
    /// @notice The metadata was replaced.
    event MetadataChanged(bytes32 indexed modelDigest, string metadata);
    /// @notice `bps` of the model's fees go to `to` instead of `from` from now on.
    event ShareMoved(bytes32 indexed modelDigest, address indexed from, address indexed to, uint16 bps);
    /// @notice `pendingOwner` may now accept the model; 0 withdraws the proposal.
    event OwnerProposed(bytes32 indexed modelDigest, address indexed owner, address indexed pendingOwner);
    /// @notice The model has a new owner.
    event OwnerChanged(bytes32 indexed modelDigest, address indexed previousOwner, address indexed owner);
    /// @notice The model was retired or taken back into service.
    event RetiredChanged(bytes32 indexed modelDigest, bool retired);

    /// @notice The digest is zero.
    error ZeroModelDigest();
    /// @notice The model is registered already.
    error AlreadyRegistered(bytes32 modelDigest, address owner);
    /// @notice Nobody registered this model.
    error UnknownModel(bytes32 modelDigest);
    /// @notice The caller does not own the model.
    error NotModelOwner(bytes32 modelDigest, address caller);
    /// @notice The caller was not proposed as the model's owner.
    error NotPendingOwner(bytes32 modelDigest, address caller);
    /// @notice A newer version follows this one already.
    error NotLatestVersion(bytes32 modelDigest, bytes32 latest);
    /// @notice The text is longer than allowed.
    error TextTooLong(uint256 length, uint256 maximum);
    /// @notice The caller holds less of the model's fees than it gives away.
    error ShareTooSmall(bytes32 modelDigest, address holder, uint256 bps, uint256 held);
    /// @notice A share needs a receiver other than 0 and more than zero basis points.
    error InvalidShare(address to, uint16 bps);
    /// @notice Too many accounts would share in the model's fees.
    error TooManyHolders(uint256 holders, uint256 maximum);

    /// @notice Registers a model; the caller becomes its owner and the holder of all its fees.
    /// @dev {moveShares} and {setLicence} can follow in the same transaction by `multicall`.
    /// @param modelDigest SHA-256 of the ONNX file: the digest in its CID.
    /// @param price Fee per inference in the smallest unit of JOY; may be 0.
    /// @param metadata A CID or JSON text of at most 1,024 bytes.
    function register(bytes32 modelDigest, uint256 price, string calldata metadata) external;

    /// @notice Registers a model as the next version of `previous`, which the caller owns. It begins with the shares
    /// and the licence of `previous`; that stays as it is, so open awards for it stay payable.
    function registerVersion(bytes32 previous, bytes32 modelDigest, uint256 price, string calldata metadata) external;

    /// @notice Changes the fee: a decrease at once, an increase after `PRICE_NOTICE`. Replaces an announced increase.
    function setPrice(bytes32 modelDigest, uint256 newPrice) external;

    /// @notice Replaces the licence: an SPDX expression or a CID, at most 128 bytes.
    function setLicence(bytes32 modelDigest, string calldata licence) external;

    /// @notice Replaces the metadata.
    function setMetadata(bytes32 modelDigest, string calldata metadata) external;

    /// @notice Gives parts of the caller's share of a model's fees to others. A share is its holder's own: neither the
    /// model's owner nor anybody else can take it back.
    /// @param shares Receivers, each with its basis points of all fees; at most 8 accounts may share in a model.
    function moveShares(bytes32 modelDigest, Share[] calldata shares) external;

    /// @notice Proposes a new owner, who must accept. Zero withdraws the proposal.
    function proposeOwner(bytes32 modelDigest, address newOwner) external;

    /// @notice Takes over a model that was proposed to the caller, with what the previous owner holds of its fees.
    function acceptOwner(bytes32 modelDigest) external;

    /// @notice Asks for no new work. Signed awards stay payable, and the fee stays due.
    function retire(bytes32 modelDigest) external;

    /// @notice Takes a retired model back into service.
    function unretire(bytes32 modelDigest) external;

    /// @notice The owner, and the least fee that an award must carry now.
    /// @return owner Zero for an unknown model.
    /// @return minFee During the notice of an increase, the old price.
    function feeOf(bytes32 modelDigest) external view returns (address owner, uint256 minFee);

    /// @notice The owner, and the one account to which all fees go.
    /// @return owner Zero for an unknown model.
    /// @return soleHolder Zero when several share in the fees.
    function holderOf(bytes32 modelDigest) external view returns (address owner, address soleHolder);

    /// @notice Who shares in the fees; the basis points add up to 10,000. Empty for an unknown model.
    function sharesOf(bytes32 modelDigest) external view returns (Share[] memory);

    /// @notice The whole record of a model; all zero when unknown.
    function modelOf(bytes32 modelDigest) external view returns (Model memory);

    /// @notice The newest version of the model's series, which may be retired.
    function latestOf(bytes32 modelDigest) external view returns (bytes32);
}
