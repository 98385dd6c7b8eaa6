// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {StarkCode} from "./StarkCode.sol";

/// @title Creation of the generated contracts
/// @notice Nothing is created whose code is not the generator's.
library StarkDeployment {
    /// @notice The code at `part` is not that of the constraint contract of this index.
    error WrongConstraintContract(uint256 index, address part);
    /// @notice The creation code given is not the generated one.
    error WrongCode(bytes32 hash, bytes32 expected);
    /// @notice The contract could not be created.
    error CreationFailed();

    /// @notice Reverts unless these are the deployed constraint contracts, in order.
    function requireParts(address[] memory parts) internal view {
        if (parts.length != StarkCode.PARTS) revert WrongConstraintContract(parts.length, address(0));
        for (uint256 i = 0; i < parts.length; ++i) {
            if (parts[i].codehash != StarkCode.partHash(i)) revert WrongConstraintContract(i, parts[i]);
        }
    }

    /// @notice Creates a contract from code with this hash and addresses as constructor arguments.
    function create(bytes memory code, bytes32 expected, address[] memory arguments)
        internal
        returns (address created)
    {
        bytes32 hash = keccak256(code);
        if (hash != expected) revert WrongCode(hash, expected);
        bytes memory creation = bytes.concat(code, abi.encodePacked(arguments));
        assembly ("memory-safe") {
            created := create(0, add(creation, 32), mload(creation))
        }
        if (created == address(0)) revert CreationFailed();
    }
}
