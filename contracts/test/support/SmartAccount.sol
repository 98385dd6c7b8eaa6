// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IInferenceCallback} from "../../contracts/interfaces/IInferenceCallback.sol";

/// @notice An account of code, whose one owner signs for it. It can also be as bad as code can be.
contract SmartAccount is IERC1271, IInferenceCallback {
    enum Mood {
        Good,
        Reverts,
        BurnsGas,
        ReturnBomb,
        Reenters
    }

    address private immutable _owner;

    Mood public signing;
    Mood public listening;
    uint64 public told;
    uint64 public gasGiven;
    bytes32 public lastOutput;
    address private _target;
    bytes private _call;

    constructor(address owner) {
        _owner = owner;
    }

    /// @notice Does whatever the owner wants to any contract.
    function execute(address target, bytes calldata data) external returns (bytes memory) {
        require(msg.sender == _owner, "not the owner");
        (bool success, bytes memory result) = target.call(data);
        require(success, "call failed");
        return result;
    }

    /// @param signing_ How it checks signatures from now on.
    /// @param listening_ How it takes callbacks from now on.
    function setMoods(Mood signing_, Mood listening_) external {
        (signing, listening) = (signing_, listening_);
    }

    function setReentry(address target, bytes calldata data) external {
        (_target, _call, listening) = (target, data, Mood.Reenters);
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        _misbehave(signing);
        (address signer, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(hash, signature);
        return err == ECDSA.RecoverError.NoError && signer == _owner ? this.isValidSignature.selector : bytes4(0);
    }

    function onInference(bytes32, bytes32 outputDigest) external {
        uint256 given = gasleft();
        _misbehave(listening);
        if (listening == Mood.Reenters) {
            (bool success,) = _target.call(_call);
            require(success, "refused");
        }
        ++told;
        lastOutput = outputDigest;
        gasGiven = uint64(given);
    }

    function _misbehave(Mood mood) private pure {
        if (mood == Mood.Reverts) revert("no");
        if (mood == Mood.BurnsGas) {
            uint256 x = 1;
            while (true) x = uint256(keccak256(abi.encode(x)));
        }
        if (mood == Mood.ReturnBomb) {
            assembly ("memory-safe") {
                revert(0, 100000)
            }
        }
    }
}
