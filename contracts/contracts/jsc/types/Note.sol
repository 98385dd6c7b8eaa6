// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Point} from "../../types/Point.sol";

/// @notice A note as rings name it.
/// @param key One-time key P.
/// @param commitment Pedersen commitment C = mask*G + amount*H.
/// @param base Hp(P), the base of the key image; a function of the key alone.
struct Note {
    Point key;
    Point commitment;
    Point base;
}

/// @notice A note as its sender makes it when its amount is public.
/// @param key One-time key P.
/// @param roots Shows Hp(P) without a square root, see {HashToCurve}.
/// @param memo View tag, R and ciphertexts; `MEMO_LENGTH` bytes, opaque to the chain.
struct StealthNote {
    Point key;
    uint256[] roots;
    bytes memo;
}
