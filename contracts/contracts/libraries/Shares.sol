// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ALL_BPS, Share} from "../types/Share.sol";

/// @title Arithmetic of shares that always add up to the whole
library Shares {
    /// @notice Basis points of `holder` in a list; 0 when it is not there.
    function heldBy(Share[] storage list, address holder) internal view returns (uint256) {
        (bool found, uint256 at_) = _find(list, holder);
        return found ? list[at_].bps : 0;
    }

    /// @notice Moves `bps`, of which `from` holds at least as much, to `to`.
    function move(Share[] storage list, address from, address to, uint16 bps) internal {
        (, uint256 giver) = _find(list, from);
        list[giver].bps -= bps;
        (bool found, uint256 taker) = _find(list, to);
        if (found) list[taker].bps += bps;
        else list.push(Share(to, bps));
        if (list[giver].bps == 0) {
            list[giver] = list[list.length - 1];
            list.pop();
        }
    }

    /// @notice Parts of `amount`, in the order of `list`, that add up to it exactly: each is rounded down, and what
    /// rounding leaves, less than one unit a holder, goes to the first.
    function split(Share[] memory list, uint256 amount) internal pure returns (uint256[] memory parts) {
        parts = new uint256[](list.length);
        uint256 left = amount;
        for (uint256 i = 0; i < list.length; ++i) {
            parts[i] = (amount * list[i].bps) / ALL_BPS;
            left -= parts[i];
        }
        parts[0] += left;
    }

    function _find(Share[] storage list, address holder) private view returns (bool, uint256) {
        uint256 length = list.length;
        for (uint256 i = 0; i < length; ++i) {
            if (list[i].to == holder) return (true, i);
        }
        return (false, 0);
    }
}
