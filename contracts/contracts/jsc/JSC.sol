// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IJSC} from "./interfaces/IJSC.sol";
import {IJSCBridge} from "./interfaces/IJSCBridge.sol";
import {IRangeVerifier} from "./interfaces/IRangeVerifier.sol";
import {Bn254} from "../libraries/Bn254.sol";
import {Clsag} from "./libraries/Clsag.sol";
import {HashToCurve} from "./libraries/HashToCurve.sol";
import {Note, StealthNote} from "./types/Note.sol";
import {Point} from "../types/Point.sol";
import {BIN, Input, RING, Transaction} from "./types/Transaction.sol";

/// @title JSC, the pool of private notes
/// @notice Monero's model on the EVM: one-time keys, Pedersen commitments, ring signatures, range proofs and key images.
/// @dev Notes are kept as one hash for each bin of four, in the order they came, and a ring is four whole bins ("binned
/// mixins", Moser et al., PoPETs 2018): a new slot is dear, and bins leave a guesser of ages less to go by. A spent note
/// costs one slot, for its key image.
contract JSC is IJSC {
    /// @notice Most inputs and most outputs of a transaction; the least are 1 and 2.
    uint256 public constant MAX_NOTES = 4;
    /// @notice Bytes of a memo: view tag, R, ciphertext for the receiver, ciphertext for the sender.
    uint256 public constant MEMO_LENGTH = 201;
    bytes32 private constant TRANSACTION_DOMAIN = keccak256("JSC/v1/transaction");
    bytes32 private constant GENESIS_DOMAIN = keccak256("JSC/v1/genesis");

    /// @inheritdoc IJSC
    IJSCBridge public immutable override bridge;
    /// @inheritdoc IJSC
    IRangeVerifier public immutable override rangeVerifier;
    /// @inheritdoc IJSC
    uint64 public immutable override minAge;
    /// @inheritdoc IJSC
    uint64 public immutable override genesisBlock;

    /// @inheritdoc IJSC
    uint64 public override noteCount;
    mapping(uint256 bin => bytes32) private _bins;
    mapping(bytes32 image => bool) private _spent;
    mapping(bytes32 key => bool) private _deposited;

    /// @dev Begins with a ring's worth of notes that are hashes and so can never be spent: without them the first
    /// owners would have to wait for others before they could spend at all.
    constructor(IRangeVerifier rangeVerifier_, uint64 minAge_) {
        bridge = IJSCBridge(msg.sender);
        rangeVerifier = rangeVerifier_;
        minAge = minAge_;
        genesisBlock = uint64(block.number);
        for (uint256 i = 0; i < RING; ++i) {
            Point memory key = HashToCurve.derive(GENESIS_DOMAIN, i);
            _append(i, key, Point(1, 2), HashToCurve.deriveKeyImageBase(key));
        }
        noteCount = uint64(RING);
    }

    /// @inheritdoc IJSC
    function mint(StealthNote[] calldata notes, uint64[] calldata amounts) external {
        if (msg.sender != address(bridge)) revert NotBridge(msg.sender);
        if (notes.length != amounts.length) revert LengthMismatch(notes.length, amounts.length);
        uint64 first = noteCount;
        emit NotesDeposited(first, notes, amounts);
        noteCount = first + uint64(notes.length);
        for (uint256 i = 0; i < notes.length; ++i) {
            Point memory key = notes[i].key;
            bytes32 hash = keccak256(abi.encode(key));
            if (_deposited[hash]) revert KeyAlreadyUsed(key);
            _deposited[hash] = true;
            Point memory commitment = Bn254.mul(Point(Bn254.H_X, Bn254.H_Y), amounts[i]);
            _appendOutput(first + i, notes[i], Bn254.add(commitment, Point(1, 2)));
        }
    }

    /// @inheritdoc IJSC
    function transact(Transaction calldata transaction) external {
        Input[] calldata inputs = transaction.inputs;
        Point[] calldata commitments = transaction.commitments;
        uint256 outputs = transaction.outputs.length;
        if (inputs.length == 0 || inputs.length > MAX_NOTES || outputs < 2 || outputs > MAX_NOTES) {
            revert InvalidShape(inputs.length, outputs);
        }
        if (commitments.length != outputs) revert LengthMismatch(commitments.length, outputs);
        if (block.timestamp > transaction.payment.deadline) revert Expired(transaction.payment.deadline);
        // Before all mathematics, so that a transaction that lost a race costs its sender little.
        Point[] memory images = _spend(inputs);
        _requireBalanced(transaction);
        bytes32 message = messageOf(transaction);
        for (uint256 i = 0; i < inputs.length; ++i) {
            _requireRing(inputs[i]);
            if (!Clsag.verify(inputs[i], message)) revert InvalidSignature(i);
        }
        if (!rangeVerifier.verify(commitments, transaction.rangeProof)) revert InvalidRangeProof();
        uint64 first = noteCount;
        emit Transacted(first, message, images, transaction.outputs, commitments, transaction.payment);
        noteCount = first + uint64(outputs);
        for (uint256 i = 0; i < outputs; ++i) {
            _appendOutput(first + i, transaction.outputs[i], commitments[i]);
        }
        if (transaction.payment.fee != 0 || transaction.payment.amount != 0) {
            bridge.release(message, transaction.payment);
        }
    }

    /// @inheritdoc IJSC
    function messageOf(Transaction calldata transaction) public view returns (bytes32) {
        bytes32 hash;
        for (uint256 i = 0; i < transaction.inputs.length; ++i) {
            Input calldata input = transaction.inputs[i];
            hash = keccak256(abi.encode(hash, input.bins, input.completedAt, input.image, input.pseudoOut));
        }
        for (uint256 i = 0; i < transaction.outputs.length; ++i) {
            StealthNote calldata output = transaction.outputs[i];
            hash = keccak256(
                abi.encode(
                    hash,
                    output.key,
                    transaction.commitments[i],
                    keccak256(abi.encodePacked(output.roots)),
                    keccak256(output.memo)
                )
            );
        }
        return keccak256(
            abi.encode(
                TRANSACTION_DOMAIN,
                block.chainid,
                address(this),
                transaction.inputs.length,
                transaction.outputs.length,
                hash,
                keccak256(transaction.rangeProof),
                transaction.payment
            )
        );
    }

    /// @inheritdoc IJSC
    function isSpent(Point calldata image) external view returns (bool) {
        return _spent[keccak256(abi.encode(image))];
    }

    /// @inheritdoc IJSC
    function binHash(uint64 bin) external view returns (bytes32) {
        return _bins[bin];
    }

    /// @dev Marks all key images, which also refuses one that comes twice in the transaction.
    function _spend(Input[] calldata inputs) private returns (Point[] memory images) {
        images = new Point[](inputs.length);
        for (uint256 i = 0; i < inputs.length; ++i) {
            Input calldata input = inputs[i];
            _requirePoint(input.image);
            _requirePoint(input.pseudoOut);
            _requirePoint(input.commitmentImage);
            images[i] = input.image;
            bytes32 hash = keccak256(abi.encode(input.image));
            if (_spent[hash]) revert AlreadySpent(input.image);
            _spent[hash] = true;
        }
    }

    /// @dev Sum of C' = sum of C + (fee + amount)*H. All amounts have 64 bits, so none of the sums can wrap.
    function _requireBalanced(Transaction calldata transaction) private view {
        Point memory spent = transaction.inputs[0].pseudoOut;
        for (uint256 i = 1; i < transaction.inputs.length; ++i) {
            spent = Bn254.add(spent, transaction.inputs[i].pseudoOut);
        }
        uint256 units = uint256(transaction.payment.fee) + transaction.payment.amount;
        Point memory made;
        if (units != 0) made = Bn254.mul(Point(Bn254.H_X, Bn254.H_Y), units);
        for (uint256 i = 0; i < transaction.commitments.length; ++i) {
            _requirePoint(transaction.commitments[i]);
            made = Bn254.add(made, transaction.commitments[i]);
        }
        if (spent.x != made.x || spent.y != made.y) revert Unbalanced();
    }

    /// @dev The members are the pool's notes, in four different full bins that are old enough.
    function _requireRing(Input calldata input) private view {
        for (uint256 b = 0; b < RING / BIN; ++b) {
            uint64 bin = input.bins[b];
            if (b != 0 && bin <= input.bins[b - 1]) revert BinsNotIncreasing();
            bytes32 hash = _binHash(input, b);
            uint256 completedAt = input.completedAt[b];
            if (keccak256(abi.encode(hash, completedAt)) != _bins[bin]) revert InvalidRing(bin);
            if (block.number < completedAt + minAge) revert RingTooYoung(bin, completedAt + minAge);
        }
    }

    /// @dev The hash of a bin's four members, each hashed behind those before it as {_append} does.
    function _binHash(Input calldata input, uint256 place) private pure returns (bytes32 hash) {
        Note[RING] calldata members = input.members;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let member := add(members, mul(place, 768))
            for { let end := add(member, 768) } lt(member, end) { member := add(member, 192) } {
                mstore(free, hash)
                calldatacopy(add(free, 32), member, 192)
                hash := keccak256(free, 224)
            }
        }
    }

    function _appendOutput(uint256 index, StealthNote calldata output, Point memory commitment) private {
        if (output.memo.length != MEMO_LENGTH) revert InvalidMemo(output.memo.length);
        _requirePoint(output.key);
        _append(index, output.key, commitment, HashToCurve.keyImageBase(output.key, output.roots));
    }

    /// @dev Chains the note onto the hash of its bin; the last note of a bin adds the block, from which its age counts.
    function _append(uint256 index, Point memory key, Point memory commitment, Point memory base) private {
        bytes32 hash = keccak256(abi.encode(_bins[index / BIN], Note(key, commitment, base)));
        if (index % BIN == BIN - 1) hash = keccak256(abi.encode(hash, block.number));
        _bins[index / BIN] = hash;
    }

    function _requirePoint(Point calldata point) private pure {
        if (!Bn254.isOnCurve(point)) revert InvalidPoint(point.x, point.y);
    }
}
