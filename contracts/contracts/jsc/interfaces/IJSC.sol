// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {StealthNote} from "../types/Note.sol";
import {Point} from "../../types/Point.sol";
import {Payment, Transaction} from "../types/Transaction.sol";
import {IJSCBridge} from "./IJSCBridge.sol";
import {IRangeVerifier} from "./IRangeVerifier.sol";

/// @title JSC, the pool of private notes
/// @notice Notes come in through the bridge alone and are spent by ring signatures. Nobody can change the rules.
interface IJSC {
    /// @notice Notes with public `amounts` were added from number `first` on; each commits to its amount with mask 1.
    event NotesDeposited(uint64 indexed first, StealthNote[] notes, uint64[] amounts);
    /// @notice The notes behind `images` were spent by the transaction with this message, and `outputs` added from
    /// number `first` on.
    event Transacted(
        uint64 indexed first,
        bytes32 indexed message,
        Point[] images,
        StealthNote[] outputs,
        Point[] commitments,
        Payment payment
    );

    /// @notice Only the bridge may do this.
    error NotBridge(address caller);
    /// @notice A transaction has 1 to 4 inputs and 2 to 4 outputs.
    error InvalidShape(uint256 inputs, uint256 outputs);
    /// @notice Two lists that belong together differ in length.
    error LengthMismatch(uint256 left, uint256 right);
    /// @notice The deadline has passed.
    error Expired(uint64 deadline);
    /// @notice The note with this key image was spent before.
    error AlreadySpent(Point image);
    /// @notice A point is not on the curve or not in canonical form.
    error InvalidPoint(uint256 x, uint256 y);
    /// @notice A memo must have exactly `MEMO_LENGTH` bytes.
    error InvalidMemo(uint256 length);
    /// @notice A note with this key was deposited before; its owner could spend only one of them.
    error KeyAlreadyUsed(Point key);
    /// @notice The numbers of a ring's bins must increase.
    error BinsNotIncreasing();
    /// @notice The members given for a bin are not what was added, or the bin is not full.
    error InvalidRing(uint64 bin);
    /// @notice The bin may be used from block `block_` on.
    error RingTooYoung(uint64 bin, uint256 block_);
    /// @notice Inputs do not equal outputs, fee and public amount.
    error Unbalanced();
    /// @notice The ring signature of this input does not hold.
    error InvalidSignature(uint256 input);
    /// @notice The range proof does not hold.
    error InvalidRangeProof();

    /// @notice Adds notes with public amounts; for the bridge.
    function mint(StealthNote[] calldata notes, uint64[] calldata amounts) external;

    /// @notice Spends notes. Anybody may submit it: who is paid is signed.
    function transact(Transaction calldata transaction) external;

    /// @notice What the ring signatures of `transaction` sign: all of it but the signatures, this pool and its chain.
    function messageOf(Transaction calldata transaction) external view returns (bytes32);

    /// @notice Whether the note with this key image was spent.
    function isSpent(Point calldata image) external view returns (bool);

    /// @notice Number of notes ever added.
    function noteCount() external view returns (uint64);

    /// @notice Hash over the notes of a bin.
    function binHash(uint64 bin) external view returns (bytes32);

    /// @notice The bridge.
    function bridge() external view returns (IJSCBridge);

    /// @notice The verifier of range proofs, for ever.
    function rangeVerifier() external view returns (IRangeVerifier);

    /// @notice Blocks that a full bin waits before rings may use it.
    function minAge() external view returns (uint64);

    /// @notice Block of the deployment, in which the first, unspendable notes were made.
    function genesisBlock() external view returns (uint64);
}
