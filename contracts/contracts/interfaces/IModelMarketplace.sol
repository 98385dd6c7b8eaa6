// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Register of models, their owners and prices
interface IModelMarketplace {
    /// @notice One registered model.
    /// @param owner Who is paid the fee.
    /// @param increaseAt When `nextPrice` takes effect, seconds UTC; 0 when none is announced.
    /// @param retired Whether the owner asks for no new work.
    /// @param pendingOwner Who may accept the ownership; 0 when nobody.
    /// @param price Fee per inference before `increaseAt`, in the smallest unit of JOY.
    /// @param nextPrice Fee per inference from `increaseAt` on.
    /// @param metadata A CID or JSON text.
    struct Model {
        address owner;
        uint64 increaseAt;
        bool retired;
        address pendingOwner;
        uint256 price;
        uint256 nextPrice;
        string metadata;
    }

    /// @notice `owner` registered a model.
    event ModelRegistered(bytes32 indexed modelDigest, address indexed owner, uint256 price, string metadata);
    /// @notice The fee becomes `price` at `effectiveAt`.
    event PriceChanged(bytes32 indexed modelDigest, uint256 price, uint64 effectiveAt);
    /// @notice The metadata was replaced.
    event MetadataChanged(bytes32 indexed modelDigest, string metadata);
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
    /// @notice The metadata is longer than allowed.
    error MetadataTooLong(uint256 length, uint256 maximum);

    /// @notice Registers a model; the caller becomes its owner.
    /// @param modelDigest SHA-256 of the ONNX file: the digest in its CID.
    /// @param price Fee per inference in the smallest unit of JOY; may be 0.
    /// @param metadata A CID or JSON text of at most 1,024 bytes.
    function register(bytes32 modelDigest, uint256 price, string calldata metadata) external;

    /// @notice Changes the fee: a decrease at once, an increase after `PRICE_NOTICE`. Replaces an announced increase.
    function setPrice(bytes32 modelDigest, uint256 newPrice) external;

    /// @notice Replaces the metadata.
    function setMetadata(bytes32 modelDigest, string calldata metadata) external;

    /// @notice Proposes a new owner, who must accept. Zero withdraws the proposal.
    function proposeOwner(bytes32 modelDigest, address newOwner) external;

    /// @notice Takes over a model that was proposed to the caller.
    function acceptOwner(bytes32 modelDigest) external;

    /// @notice Asks for no new work. Signed awards stay payable, and the fee stays due.
    function retire(bytes32 modelDigest) external;

    /// @notice Takes a retired model back into service.
    function unretire(bytes32 modelDigest) external;

    /// @notice Whom to pay for an inference, and the least fee that an award must carry now.
    /// @return owner Zero for an unknown model.
    /// @return minFee During the notice of an increase, the old price.
    function feeOf(bytes32 modelDigest) external view returns (address owner, uint256 minFee);

    /// @notice The whole record of a model; all zero when unknown.
    function modelOf(bytes32 modelDigest) external view returns (Model memory);
}
