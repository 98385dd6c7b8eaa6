// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Note, StealthNote} from "./Note.sol";
import {Point} from "../../types/Point.sol";

/// @dev Notes of a bin and bins of a ring.
uint256 constant BIN = 4;
/// @dev Members of every ring.
uint256 constant RING = 16;

/// @notice One spent note, hidden among the members of its ring.
/// @param bins Numbers of the ring's bins, strictly increasing.
/// @param completedAt Block in which each bin was filled.
/// @param members The notes of these bins in the order of their numbers.
/// @param image Key image I = p*Hp(P).
/// @param pseudoOut C', a commitment to the same amount as the spent note.
/// @param commitmentImage D = z*Hp(P), where C - C' = z*G.
/// @param challenge First challenge of the ring.
/// @param responses One for each member.
struct Input {
    uint64[BIN] bins;
    uint64[BIN] completedAt;
    Note[RING] members;
    Point image;
    Point pseudoOut;
    Point commitmentImage;
    uint256 challenge;
    uint256[RING] responses;
}

/// @notice What leaves the pool in public.
/// @param fee Units for `relayer`, whoever submits the transaction.
/// @param relayer Receiver of the fee.
/// @param amount Units for `recipient`; zero in a private transfer.
/// @param recipient Receiver of JOY, or owner of the escrow.
/// @param toEscrow Whether `amount` goes into the escrow of `recipient`.
/// @param deadline Last second, UTC, at which the transaction counts.
struct Payment {
    uint64 fee;
    address relayer;
    uint64 amount;
    address recipient;
    bool toEscrow;
    uint64 deadline;
}

/// @notice A private payment: notes in, notes out, and what leaves in public.
/// @param commitments C of each output, in the order of `outputs`.
/// @param rangeProof Shows that the outputs' amounts have 64 bits, see {IRangeVerifier}.
struct Transaction {
    Input[] inputs;
    StealthNote[] outputs;
    Point[] commitments;
    bytes rangeProof;
    Payment payment;
}
