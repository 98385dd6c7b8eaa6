// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IPayoutTarget} from "../../contracts/interfaces/IPayoutTarget.sol";

/// @notice A payout target that keeps books by stealth address, and pulls what a test tells it to.
contract StealthBank is IPayoutTarget {
    IERC20 private immutable _token;

    uint256 public mostPulled = type(uint256).max;
    mapping(bytes stealthAddress => uint256) public balanceOf;

    constructor(IERC20 token) {
        _token = token;
    }

    function setMostPulled(uint256 amount) external {
        mostPulled = amount;
    }

    function depositFor(bytes calldata stealthAddress, uint256 amount) external {
        uint256 pulled = amount < mostPulled ? amount : mostPulled;
        balanceOf[stealthAddress] += pulled;
        if (pulled != 0) require(_token.transferFrom(msg.sender, address(this), pulled), "pull failed");
    }

    /// @notice Tries to take more later with an allowance that was left over.
    function steal(address from, uint256 amount) external {
        require(_token.transferFrom(from, address(this), amount), "theft failed");
    }
}
