// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Award} from "../types/Award.sol";
import {Bid} from "../types/Bid.sol";
import {Offer} from "../types/Offer.sol";
import {Result} from "../types/Result.sol";

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

    /// @notice EIP-712 domain separator.
    function domainSeparator() external view returns (bytes32);
}
