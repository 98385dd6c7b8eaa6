// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title JOY, the token that pays for inference
/// @notice ERC-20 with 18 decimals and permit (EIP-2612). The supply is minted once and has no minter;
/// a holder can burn what is its own, as slashing does.
contract JoyToken is ERC20, ERC20Burnable, ERC20Permit {
    /// @notice The whole supply, in the smallest unit: one thousand million JOY.
    uint256 public constant SUPPLY = 1_000_000_000 ether;

    /// @param holder Who receives the whole supply.
    constructor(address holder) ERC20("JOY", "JOY") ERC20Permit("JOY") {
        _mint(holder, SUPPLY);
    }
}
