// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Award} from "../types/Award.sol";
import {Bid} from "../types/Bid.sol";
import {CallReceipt} from "../types/CallReceipt.sol";
import {Offer} from "../types/Offer.sol";
import {Result} from "../types/Result.sol";
import {SessionAward} from "../types/SessionAward.sol";
import {Voucher} from "../types/Voucher.sol";

/// @title EIP-712 digests of the signed messages
/// @notice Domain: name "p2pnode", version "1", the chain id, the address of this contract.
interface ITypedData {
    /// @notice EIP-712 digest of an offer: the offer hash.
    function hashOffer(Offer calldata offer) external view returns (bytes32);

    /// @notice EIP-712 digest of a bid: the bid hash.
    function hashBid(Bid calldata bid) external view returns (bytes32);

    /// @notice EIP-712 digest of an award: the task id.
    function hashAward(Award calldata award) external view returns (bytes32);

    /// @notice EIP-712 digest of a result.
    function hashResult(Result calldata result) external view returns (bytes32);

    /// @notice EIP-712 digest of a {Rescue}: what stands for the task id in the leaf of a rescuer's proof.
    function hashRescue(bytes32 taskId, address worker) external view returns (bytes32);

    /// @notice EIP-712 digest of a session's award: the session hash.
    function hashSession(SessionAward calldata session) external view returns (bytes32);

    /// @notice EIP-712 digest of a voucher.
    function hashVoucher(Voucher calldata voucher) external view returns (bytes32);

    /// @notice EIP-712 digest of the receipt for calls of a session.
    function hashCallReceipt(CallReceipt memory receipt) external view returns (bytes32);

    /// @notice Whether `signature` is that of `signer`: 65 bytes r, s, v with low s, or what a smart account accepts
    /// by ERC-1271 within `ERC1271_GAS`.
    function isSignedBy(address signer, bytes32 digest, bytes calldata signature) external view returns (bool);

    /// @notice EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32);
}
