// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IModelMarketplace} from "../../contracts/interfaces/IModelMarketplace.sol";
import {INodeCoordinator} from "../../contracts/interfaces/INodeCoordinator.sol";
import {IProtocolParameters} from "../../contracts/interfaces/IProtocolParameters.sol";
import {ModelMarketplace} from "../../contracts/ModelMarketplace.sol";
import {NodeCoordinator} from "../../contracts/NodeCoordinator.sol";
import {ProofOfInference} from "../../contracts/ProofOfInference.sol";
import {ProtocolParameters} from "../../contracts/ProtocolParameters.sol";
import {Award} from "../../contracts/types/Award.sol";
import {Payout} from "../../contracts/types/Payout.sol";
import {IReenter, ReentrantToken} from "../support/ReentrantToken.sol";
import {JournalVerifier} from "../support/JournalVerifier.sol";
import {Asserting, vm} from "../support/Vm.sol";

/// @notice The token's holder tries to enter again while its own tokens are on the way.
contract ReentrancyTest is Asserting, IReenter {
    ReentrantToken private _token;
    ProofOfInference private _poi;
    INodeCoordinator private _nodes;
    address private _target;
    bytes private _call;
    uint256 private _attempts;

    function setUp() public {
        vm.warp(1_700_000_000);
        _token = new ReentrantToken();
        _nodes = new NodeCoordinator(_token, 0, 7 days);
        _poi = new ProofOfInference(
            ProofOfInference.Config({
                token: _token,
                zkVerifier: new JournalVerifier(),
                imageId: bytes32(uint256(1)),
                marketplace: IModelMarketplace(new ModelMarketplace()),
                parameters: new ProtocolParameters(
                    address(this), IProtocolParameters.Parameters(address(0xfee), 100, 5_000)
                ),
                withdrawalDelay: 2 days,
                epochLength: 1 days,
                coordinator: _nodes
            })
        );
        _token.approve(address(_poi), type(uint256).max);
        _token.approve(address(_nodes), type(uint256).max);
        _poi.deposit(100);
        _poi.requestWithdrawal(100);
        _nodes.register(abi.encodePacked(hex"1220", keccak256("peer")), 1, 100);
        _nodes.deactivate();
        vm.warp(block.timestamp + 7 days);
    }

    /// @notice Called by the token in the middle of a transfer.
    function reenter() external {
        ++_attempts;
        (bool ok, bytes memory error_) = _target.call(_call);
        assertTrue(!ok, "the second entry went through");
        assertTrue(
            bytes4(error_) == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "refused for another reason"
        );
    }

    function test_withdrawingAgainWhileWithdrawing() public {
        _attack(address(_poi), abi.encodeCall(_poi.withdraw, ()));
        _poi.withdraw();
        _assertPaidOnce(address(_poi));
    }

    function test_depositingWhileWithdrawing() public {
        _attack(address(_poi), abi.encodeCall(_poi.deposit, (1)));
        _poi.withdraw();
        _assertPaidOnce(address(_poi));
    }

    function test_requestingWhileWithdrawing() public {
        _attack(address(_poi), abi.encodeCall(_poi.requestWithdrawal, (1)));
        _poi.withdraw();
        _assertPaidOnce(address(_poi));
    }

    function test_settlingWhileWithdrawing() public {
        bytes memory empty = abi.encodeCall(
            _poi.settleBatch, (new Award[](0), new bytes[](0), new bytes32[](0), "", Payout.Direct)
        );
        _attack(address(_poi), empty);
        _poi.withdraw();
        _assertPaidOnce(address(_poi));
    }

    function test_withdrawingStakeAgainWhileWithdrawingIt() public {
        _attack(address(_nodes), abi.encodeCall(_nodes.withdraw, ()));
        _nodes.withdraw();
        _assertPaidOnce(address(_nodes));
    }

    function _attack(address target, bytes memory call_) private {
        (_target, _call) = (target, call_);
        _token.arm();
    }

    function _assertPaidOnce(address payer) private view {
        assertEq(_attempts, 1, "attempts");
        assertEq(_token.balanceOf(payer), 0, "left");
        assertEq(_token.balanceOf(address(this)), 1e24 - 100, "received");
    }
}
