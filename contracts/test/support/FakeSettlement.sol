// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IReports} from "../../contracts/interfaces/IReports.sol";
import {NodeCoordinator} from "../../contracts/NodeCoordinator.sol";
import {Award} from "../../contracts/types/Award.sol";
import {Result} from "../../contracts/types/Result.sol";

/// @notice A settlement contract that says what a test wants, for tests of the register alone. Every signature is
/// good that says so.
contract FakeSettlement {
    mapping(address requester => uint256) public escrowOf;
    mapping(address requester => mapping(uint256 nonce => bool)) public isNonceUsed;
    uint64 public runningSince;
    NodeCoordinator private _nodes;

    function bind(NodeCoordinator nodes) external {
        _nodes = nodes;
        nodes.bind();
    }

    function setEscrow(address requester, uint256 amount) external {
        escrowOf[requester] = amount;
    }

    function useNonce(address requester, uint256 nonce) external {
        isNonceUsed[requester][nonce] = true;
    }

    function rescue(bytes32 taskId, address worker, address requester, address rescuer) external {
        _nodes.slashRescued(taskId, worker, requester, rescuer);
    }

    function reportOf(bytes32) external view returns (IReports.Report memory) {
        return IReports.Report(address(this), uint64(block.timestamp), true, true);
    }

    function openReport(Award calldata award, address, bool) external pure returns (bytes32) {
        return hashAward(award);
    }

    function releaseReport(Award calldata award)
        external
        view
        returns (bytes32 taskId, IReports.Report memory report, bool missed)
    {
        report = IReports.Report(address(this), uint64(block.timestamp), true, false);
        return (hashAward(award), report, true);
    }

    function hashResult(Result calldata result) external pure returns (bytes32) {
        return keccak256(abi.encode(result));
    }

    function zkVerifier() external view returns (address) {
        return address(this);
    }

    function marketplace() external view returns (address) {
        return address(this);
    }

    function feeOf(bytes32) external view returns (address, uint256) {
        return (address(this), 0);
    }

    function hashAward(Award calldata award) public pure returns (bytes32) {
        return keccak256(abi.encode(award));
    }

    function isSignedBy(address signer, bytes32, bytes calldata signature) external pure returns (bool) {
        return signature.length == 20 && address(bytes20(signature)) == signer;
    }
}
