// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IRiscZeroVerifier, Receipt} from "../interfaces/IRiscZeroVerifier.sol";
import {ReceiptClaim} from "./ReceiptClaim.sol";
import {StarkCode} from "./StarkCode.sol";
import {StarkDeployment} from "./StarkDeployment.sol";
import {StarkVerifier} from "./StarkVerifier.sol";

/// @title The check of one proof in several transactions
/// @notice For chains that cap a transaction below what a whole proof takes. `start` checks everything before the
/// queries, `check` some queries; once all are in, the claim is proved, and a seal that is nothing but the selector is
/// accepted for it. Anyone may send any part, in any order after the first.
/// @dev What the queries need of the header is sent along again and known by its hash: the Merkle layers, then the
/// memory that HeaderVerifier left, with transcript, challenges and weights. Accepts what {StarkVerifier} accepts.
contract StarkPartsVerifier is IRiscZeroVerifier {
    /// @notice Four bytes: the seal of a claim that was proved here.
    bytes4 public immutable SELECTOR;
    /// @notice Knows which programs may be the outermost one.
    StarkVerifier public immutable starkVerifier;
    /// @notice The generated code: calldata claim (32 bytes) and seal up to the queries.
    address public immutable headerVerifier;
    /// @notice The generated code: calldata number of the first query, state, queries.
    address public immutable queryVerifier;

    /// @notice Whether all parts of a proof of this claim were accepted.
    mapping(bytes32 claim => bool) public isProven;
    /// @notice The claim of an accepted header, by the hash of its state; zero for an unknown one.
    mapping(bytes32 state => bytes32 claim) public claimOf;
    /// @notice The queries that were accepted for a header, as bits.
    mapping(bytes32 state => uint256) public checkedQueries;

    uint256 private constant ALL_QUERIES = (1 << StarkCode.QUERIES) - 1;
    uint256 private constant STATE_LENGTH = StarkCode.TRACE_TOPS_END - StarkCode.TRACE_TOPS_AT
        + StarkCode.FRI_TOPS_END - StarkCode.FRI_TOPS_AT + StarkCode.SHARED_LENGTH;

    /// @notice A header was accepted.
    event Started(bytes32 indexed claim, bytes32 indexed state);
    /// @notice The queries from `first` on were accepted.
    event Checked(bytes32 indexed state, uint256 first, uint256 count);
    /// @notice All parts were accepted.
    event Proven(bytes32 indexed claim);

    /// @notice The state is that of no accepted header.
    error UnknownState(bytes32 state);
    /// @notice The queries are not whole ones, none, or more than a proof has.
    error InvalidQueries(uint256 first, uint256 length);
    /// @notice A seal for another verifier.
    error SelectorMismatch(bytes4 received, bytes4 expected);

    /// @param starkVerifier_ Whose programs are accepted.
    /// @param parts The deployed constraint contracts, in order.
    /// @param headerCode HeaderVerifier's creation code.
    /// @param queryCode QueryVerifier's creation code.
    constructor(
        StarkVerifier starkVerifier_,
        address[] memory parts,
        bytes memory headerCode,
        bytes memory queryCode
    ) {
        StarkDeployment.requireParts(parts);
        starkVerifier = starkVerifier_;
        SELECTOR = bytes4(keccak256(abi.encodePacked("p2pnode.StarkPartsVerifier.v1", starkVerifier_.SELECTOR())));
        headerVerifier = StarkDeployment.create(headerCode, StarkCode.HEADER_VERIFIER, parts);
        queryVerifier = StarkDeployment.create(queryCode, StarkCode.QUERY_VERIFIER, new address[](0));
    }

    /// @notice Checks everything of a proof before its queries.
    /// @param claim What the proof is of.
    /// @param header The seal, without selector, up to its queries.
    /// @return state Hash of what {check} wants as state; the state itself is {stateOf}.
    function start(bytes32 claim, bytes calldata header) external returns (bytes32 state) {
        bytes memory content = stateOf(claim, header);
        state = keccak256(content);
        claimOf[state] = claim;
        emit Started(claim, state);
    }

    /// @notice Checks the queries of a started proof from number `first` on.
    /// @param first Number of the first query, from 0.
    /// @param state What {stateOf} returns for the proof's header.
    /// @param queries Whole queries, as they follow each other in the seal.
    function check(uint256 first, bytes calldata state, bytes calldata queries) external {
        bytes32 id = keccak256(state);
        bytes32 claim = claimOf[id];
        if (claim == 0) revert UnknownState(id);
        uint256 count = queries.length / StarkCode.QUERY_LENGTH;
        bool whole = queries.length == count * StarkCode.QUERY_LENGTH;
        if (!whole || count == 0 || first >= StarkCode.QUERIES || count > StarkCode.QUERIES - first) {
            revert InvalidQueries(first, queries.length);
        }
        _call(queryVerifier, abi.encodePacked(first, state, queries));
        uint256 checkedNow = checkedQueries[id] | (((1 << count) - 1) << first);
        checkedQueries[id] = checkedNow;
        emit Checked(id, first, count);
        if (checkedNow == ALL_QUERIES && !isProven[claim]) {
            isProven[claim] = true;
            emit Proven(claim);
        }
    }

    /// @notice What {check} wants as state, for the sender of parts to ask for; reverts when the header is refused.
    /// @param claim What the proof is of.
    /// @param header The seal, without selector, up to its queries.
    function stateOf(bytes32 claim, bytes calldata header) public view returns (bytes memory state) {
        if (header.length != StarkCode.HEADER_LENGTH) revert VerificationFailed();
        bytes memory shared = _call(headerVerifier, abi.encodePacked(claim, header));
        uint256 offset = 32 + StarkCode.CONTROL_ID_AT;
        bytes32 controlId;
        assembly ("memory-safe") {
            controlId := mload(add(shared, offset))
        }
        if (!starkVerifier.isAllowed(controlId)) revert VerificationFailed();
        state = bytes.concat(
            header[StarkCode.TRACE_TOPS_AT:StarkCode.TRACE_TOPS_END],
            header[StarkCode.FRI_TOPS_AT:StarkCode.FRI_TOPS_END],
            shared
        );
        assert(state.length == STATE_LENGTH);
    }

    /// @inheritdoc IRiscZeroVerifier
    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view {
        _requireProven(seal, ReceiptClaim.digest(imageId, journalDigest));
    }

    /// @inheritdoc IRiscZeroVerifier
    function verifyIntegrity(Receipt calldata receipt) external view {
        _requireProven(receipt.seal, receipt.claimDigest);
    }

    function _requireProven(bytes calldata seal, bytes32 claim) private view {
        bytes4 received = seal.length < 4 ? bytes4(0) : bytes4(seal);
        if (received != SELECTOR) revert SelectorMismatch(received, SELECTOR);
        if (seal.length != 4 || !isProven[claim]) revert VerificationFailed();
    }

    function _call(address target, bytes memory data) private view returns (bytes memory) {
        (bool success, bytes memory result) = target.staticcall(data);
        if (!success) revert VerificationFailed();
        return result;
    }
}
