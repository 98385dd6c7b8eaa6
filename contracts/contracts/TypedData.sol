// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ITypedData} from "./interfaces/ITypedData.sol";
import {Award} from "./types/Award.sol";
import {Bid} from "./types/Bid.sol";
import {CallReceipt} from "./types/CallReceipt.sol";
import {Offer} from "./types/Offer.sol";
import {Rescue, RescueHash} from "./types/Rescue.sol";
import {Result} from "./types/Result.sol";
import {SessionAward} from "./types/SessionAward.sol";
import {Voucher} from "./types/Voucher.sol";

/// @title EIP-712 digests of the signed messages, and the check of their signatures
abstract contract TypedData is ITypedData, EIP712 {
    /// @notice Gas that a smart account has for checking one signature, so that no account can sink a batch.
    uint256 public constant ERC1271_GAS = 100_000;

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
    function hashRescue(bytes32 taskId, address worker) public view returns (bytes32) {
        return _hashTypedDataV4(RescueHash.hash(Rescue(taskId, worker)));
    }

    /// @inheritdoc ITypedData
    function hashSession(SessionAward calldata session) public view returns (bytes32) {
        return _hashTypedDataV4(session.hash());
    }

    /// @inheritdoc ITypedData
    function hashVoucher(Voucher calldata voucher) public view returns (bytes32) {
        return _hashTypedDataV4(voucher.hash());
    }

    /// @inheritdoc ITypedData
    function hashCallReceipt(CallReceipt memory receipt) public view returns (bytes32) {
        return _hashTypedDataV4(receipt.hash());
    }

    /// @inheritdoc ITypedData
    function isSignedBy(address signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        return _signedBy(signer, digest, signature);
    }

    /// @notice Whether a smart account accepts a signature. Apart from {isSignedBy} so that its gas can be capped.
    function isAcceptedByAccount(address account, bytes32 digest, bytes calldata signature)
        external
        view
        returns (bool)
    {
        return SignatureChecker.isValidERC1271SignatureNowCalldata(account, digest, signature);
    }

    /// @inheritdoc ITypedData
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }

    /// @dev A key comes before code: an account that delegates to code (EIP-7702) still has its key. Never reverts.
    function _signedBy(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (err == ECDSA.RecoverError.NoError && recovered == signer) return true;
        if (signer.code.length == 0) return false;
        try this.isAcceptedByAccount{gas: ERC1271_GAS}(signer, digest, signature) returns (bool accepted) {
            return accepted;
        } catch {
            return false;
        }
    }
}
