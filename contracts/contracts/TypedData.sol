// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ITypedData} from "./interfaces/ITypedData.sol";
import {Award} from "./types/Award.sol";
import {Bid} from "./types/Bid.sol";
import {Offer} from "./types/Offer.sol";
import {Result} from "./types/Result.sol";

/// @title EIP-712 digests of the signed messages, and the check of their signatures
abstract contract TypedData is ITypedData, EIP712 {
    constructor() EIP712("p2pnode", "1") {}

    /// @inheritdoc ITypedData
    function hashOffer(Offer calldata offer) public view returns (bytes32) {
        return _hashTypedDataV4(offer.hash());
    }

    /// @inheritdoc ITypedData
    function hashBid(Bid calldata bid) public view returns (bytes32) {
        return _hashTypedDataV4(bid.hash());
    }

    /// @inheritdoc ITypedData
    function hashAward(Award calldata award) public view returns (bytes32) {
        return _hashTypedDataV4(award.hash());
    }

    /// @inheritdoc ITypedData
    function hashResult(Result calldata result) external view returns (bytes32) {
        return _hashTypedDataV4(result.hash());
    }

    /// @inheritdoc ITypedData
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @dev Whether `signature` is 65 bytes r, s, v with low s and recovers to `signer`. Never reverts.
    function _signedBy(address signer, bytes32 digest, bytes calldata signature) internal pure returns (bool) {
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(digest, signature);
        return err == ECDSA.RecoverError.NoError && recovered == signer;
    }
}
