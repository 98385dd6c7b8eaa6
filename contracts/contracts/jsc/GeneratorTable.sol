// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {HashToCurve} from "./libraries/HashToCurve.sol";
import {Point} from "../types/Point.sol";

/// @title One family of generators of Bulletproofs+
/// @notice Derives the points itself when it is created, so that nobody has to be trusted for them. Its code is a zero
/// byte, which stops every call, and then x and y of each point, 64 bytes.
contract GeneratorTable {
    /// @param domain Keccak of the family's name.
    /// @param count Number of points.
    constructor(bytes32 domain, uint256 count) {
        bytes memory code = new bytes(1 + count * 64);
        for (uint256 i = 0; i < count; ++i) {
            Point memory point = HashToCurve.derive(domain, i);
            assembly ("memory-safe") {
                mcopy(add(add(code, 33), mul(i, 64)), point, 64)
            }
        }
        assembly ("memory-safe") {
            return(add(code, 32), mload(code))
        }
    }
}
