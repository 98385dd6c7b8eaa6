// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that calls its holder back before every transfer. JOY does not; this shows that the guards do
/// not depend on it.
contract ReentrantToken is ERC20 {
    address private immutable _holder;
    bool private _armed;

    constructor() ERC20("Reentrant", "RE") {
        _holder = msg.sender;
        _mint(msg.sender, 1e24);
    }

    function arm() external {
        _armed = true;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_armed) IReenter(_holder).reenter();
        super._update(from, to, amount);
    }
}

interface IReenter {
    function reenter() external;
}
