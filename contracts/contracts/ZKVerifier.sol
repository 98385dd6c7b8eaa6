// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IRiscZeroVerifier, Receipt} from "./interfaces/IRiscZeroVerifier.sol";
import {IStoppable} from "./interfaces/IStoppable.sol";

/// @title Routes a seal to the verifier of its kind
/// @notice The first four bytes of a seal name the verifier. The set is fixed at deployment: nobody can add or
/// replace one. The pauser can stop a single verifier and the owner, a timelock, restart it; either refuses proofs for
/// a while but never accepts one.
contract ZKVerifier is IRiscZeroVerifier, IStoppable, Ownable2Step {
    /// @notice A verifier and the selector that names it.
    struct Entry {
        bytes4 selector;
        IRiscZeroVerifier verifier;
    }

    /// @notice A verifier joined the fixed set.
    event VerifierAdded(bytes4 indexed selector, address indexed verifier);
    /// @notice `pauser` may stop verifiers from now on.
    event PauserChanged(address indexed pauser);
    /// @notice The pauser or the owner stopped a verifier.
    event VerifierPaused(bytes4 indexed selector);
    /// @notice The owner restarted a verifier.
    event VerifierUnpaused(bytes4 indexed selector);

    /// @notice No verifier has this selector.
    error UnknownSelector(bytes4 selector);
    /// @notice The verifier of this selector is stopped.
    error SelectorPaused(bytes4 selector);
    /// @notice The verifier of this selector is not stopped.
    error SelectorNotPaused(bytes4 selector);
    /// @notice Two entries share a selector.
    error DuplicateSelector(bytes4 selector);
    /// @notice An entry's address holds no code.
    error NotAContract(address verifier);
    /// @notice The seal is too short to hold a selector.
    error SealTooShort(uint256 length);
    /// @notice There must be a verifier.
    error NoVerifiers();
    /// @notice Only the pauser and the owner stop verifiers.
    error NotPauser(address caller);

    /// @notice Who may stop verifiers, and nothing else.
    address public pauser;
    /// @dev How many verifiers are stopped, and when the last stop ended.
    uint32 private _stopped;
    uint64 private _runningSince;

    mapping(bytes4 selector => IRiscZeroVerifier) private _verifiers;
    mapping(bytes4 selector => bool) private _paused;

    /// @param owner_ Who may restart a verifier and name the pauser.
    /// @param pauser_ Who may stop a verifier.
    /// @param entries The verifiers, for ever.
    constructor(address owner_, address pauser_, Entry[] memory entries) Ownable(owner_) {
        if (entries.length == 0) revert NoVerifiers();
        for (uint256 i = 0; i < entries.length; ++i) {
            (bytes4 selector, IRiscZeroVerifier verifier) = (entries[i].selector, entries[i].verifier);
            if (address(verifier).code.length == 0) revert NotAContract(address(verifier));
            if (address(_verifiers[selector]) != address(0)) revert DuplicateSelector(selector);
            _verifiers[selector] = verifier;
            emit VerifierAdded(selector, address(verifier));
        }
        pauser = pauser_;
        emit PauserChanged(pauser_);
        _runningSince = uint64(block.timestamp);
    }

    /// @inheritdoc IRiscZeroVerifier
    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view {
        _running(seal).verify(seal, imageId, journalDigest);
    }

    /// @inheritdoc IRiscZeroVerifier
    function verifyIntegrity(Receipt calldata receipt) external view {
        _running(receipt.seal).verifyIntegrity(receipt);
    }

    /// @notice Stops one verifier: its seals are refused until it is restarted. The pauser or the owner.
    function pause(bytes4 selector) external {
        if (msg.sender != pauser && msg.sender != owner()) revert NotPauser(msg.sender);
        _known(selector);
        if (_paused[selector]) revert SelectorPaused(selector);
        _paused[selector] = true;
        ++_stopped;
        emit VerifierPaused(selector);
    }

    /// @notice Restarts one verifier. Only the owner.
    function unpause(bytes4 selector) external onlyOwner {
        _known(selector);
        if (!_paused[selector]) revert SelectorNotPaused(selector);
        _paused[selector] = false;
        --_stopped;
        _runningSince = uint64(block.timestamp);
        emit VerifierUnpaused(selector);
    }

    /// @notice Names who may stop verifiers; zero leaves it to the owner. Only the owner.
    function setPauser(address pauser_) external onlyOwner {
        pauser = pauser_;
        emit PauserChanged(pauser_);
    }

    /// @inheritdoc IStoppable
    function runningSince() external view returns (uint64) {
        return _stopped == 0 ? _runningSince : type(uint64).max;
    }

    /// @notice The verifier of a selector; reverts when there is none.
    function verifierOf(bytes4 selector) external view returns (IRiscZeroVerifier) {
        return _known(selector);
    }

    /// @notice Whether the verifier of a selector is stopped; reverts when there is none.
    function isPaused(bytes4 selector) external view returns (bool) {
        _known(selector);
        return _paused[selector];
    }

    /// @dev The verifier that a seal names, unless it is stopped.
    function _running(bytes calldata seal) private view returns (IRiscZeroVerifier verifier) {
        if (seal.length < 4) revert SealTooShort(seal.length);
        bytes4 selector = bytes4(seal[:4]);
        verifier = _known(selector);
        if (_paused[selector]) revert SelectorPaused(selector);
    }

    function _known(bytes4 selector) private view returns (IRiscZeroVerifier verifier) {
        verifier = _verifiers[selector];
        if (address(verifier) == address(0)) revert UnknownSelector(selector);
    }
}
