// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title JOY, the token that pays for inference
/// @notice ERC-20 with 18 decimals, permit (EIP-2612) and votes (ERC-5805). The supply is minted once and has no
/// minter; a holder can burn what is its own, so the supply only falls.
/// @dev Votes are dated by timestamp (ERC-6372): every deadline of the protocol is a time, and a chain may change the
/// pace of its blocks. A holder has votes only after `delegate`; JOY in escrow or staked votes for nobody.
contract JoyToken is ERC20, ERC20Permit, ERC20Votes, ERC20Burnable {
    /// @notice The supply at deployment, in the smallest unit: one thousand million JOY.
    uint256 public constant SUPPLY = 1_000_000_000 ether;

    /// @param holder Who receives the whole supply.
    constructor(address holder) ERC20("JOY", "JOY") ERC20Permit("JOY") {
        _mint(holder, SUPPLY);
    }

    /// @notice The time that dates votes: the block's timestamp.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice How to read {clock}, by ERC-6372.
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @notice Next nonce of `owner`, for permits and for delegations by signature alike.
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
