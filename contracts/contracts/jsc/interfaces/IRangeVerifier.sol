// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Point} from "../../types/Point.sol";

/// @title Verifier of range proofs
/// @notice The number of bits is the verifier's own, never the caller's.
interface IRangeVerifier {
    /// @notice Whether `proof` shows that each commitment hides an amount of 64 bits. False for everything malformed.
    function verify(Point[] calldata commitments, bytes calldata proof) external view returns (bool);
}
