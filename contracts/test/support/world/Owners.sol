// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IModelMarketplace} from "../../../contracts/interfaces/IModelMarketplace.sol";
import {IProtocolParameters} from "../../../contracts/interfaces/IProtocolParameters.sol";
import {Shares} from "../../../contracts/libraries/Shares.sol";
import {ModelMarketplace} from "../../../contracts/ModelMarketplace.sol";
import {ProofOfUse} from "../../../contracts/ProofOfUse.sol";
import {ProtocolParameters} from "../../../contracts/ProtocolParameters.sol";
import {Share} from "../../../contracts/types/Share.sol";
import {ZKVerifier} from "../../../contracts/ZKVerifier.sol";
import {Asserting, vm} from "../Vm.sol";
import {World} from "./World.sol";

/// @notice Those with rights: owners and holders of models, who draw royalties and rewards; governor and pauser, who
/// do what they can at any time, since the timelock only slows them down.
contract Owners is Asserting {
    using Shares for Share[];

    World private _world;
    ModelMarketplace private _models;
    ProofOfUse private _use;

    /// @notice Rewards paid by model and epoch.
    mapping(bytes32 modelDigest => mapping(uint256 epoch => uint256)) public rewarded;

    constructor(World world) {
        (_world, _models, _use) = (world, world.models(), world.use());
    }

    function setPrice(uint256 which, uint256 price) external {
        bytes32 digest = _world.model(which);
        vm.prank(_models.modelOf(digest).owner);
        _models.setPrice(digest, bound(price, 5, 15));
    }

    function retire(uint256 which, bool back) external {
        bytes32 digest = _world.model(which);
        vm.prank(_models.modelOf(digest).owner);
        if (back) _models.unretire(digest);
        else _models.retire(digest);
    }

    function handOver(uint256 which, uint256 to) external {
        bytes32 digest = _world.model(which);
        address next = _world.person(to);
        vm.prank(_models.modelOf(digest).owner);
        _models.proposeOwner(digest, next);
        vm.prank(next);
        _models.acceptOwner(digest);
    }

    function moveShare(uint256 which, uint256 giver, uint256 taker, uint16 bps) external {
        bytes32 digest = _world.model(which);
        Share[] memory holders = _models.sharesOf(digest);
        Share memory from = holders[giver % holders.length];
        Share[] memory moved = new Share[](1);
        moved[0] = Share(_world.person(taker), uint16(bound(bps, 1, from.bps)));
        vm.prank(from.to);
        _models.moveShares(digest, moved);
    }

    function claimRoyalties(uint256 which) external {
        bytes32 digest = _world.model(which);
        uint256 due = _use.royaltiesOf(digest);
        if (due == 0) return;
        _share(digest, due);
        uint256 got = _use.claimRoyalties(digest);
        _world.expect("royalties pay what is due", got == due);
    }

    function claimRewards(uint256 which, uint256 back) external {
        bytes32 digest = _world.model(which);
        uint256[] memory epochs = new uint256[](1);
        epochs[0] = _use.currentEpoch() - bound(back, 1, 5);
        uint256 due = _use.rewardOf(digest, epochs[0]);
        if (due == 0) return;
        _share(digest, due);
        uint256 got = _use.claimRewards(digest, epochs);
        rewarded[digest][epochs[0]] += got;
        _world.expect("rewards pay what is due", got == due);
        uint256 cost = _use.useInEpoch(digest, epochs[0]).protocolFees;
        _world.expect("no reward above the protocol fees", rewarded[digest][epochs[0]] <= cost);
    }

    function carryOver(uint256 back) external {
        uint256 epoch = _use.currentEpoch() - bound(back, 1, 5);
        if (_use.poolOf(epoch).amount <= _use.totalInEpoch(epoch).protocolFees) return;
        _use.carryOver(epoch);
    }

    function fund(uint256 who, uint256 amount) external {
        address giver = _world.person(who);
        uint256 most = _world.token().balanceOf(giver) / 100;
        if (most == 0) return;
        amount = bound(amount, 1, most);
        vm.prank(giver);
        _use.fund(amount);
        _world.noteMoved(giver, address(_use), amount);
    }

    function govern(uint16 feeBps, uint16 rewardBps) external {
        IProtocolParameters.Parameters memory terms = IProtocolParameters.Parameters(
            _world.TREASURY(), uint16(bound(feeBps, 0, 500)), uint16(bound(rewardBps, 0, 10_000))
        );
        ProtocolParameters parameters = _world.parameters();
        vm.prank(_world.GOVERNOR());
        parameters.set(terms);
    }

    /// @dev Seldom, and shorter than the time it runs, or nothing else would happen.
    function stop(uint8 dice) external {
        if (_world.stopped() || dice % 8 != 0) return;
        (bytes4 selector, ZKVerifier verifier) = (_world.journals().SELECTOR(), _world.zkVerifier());
        vm.prank(_world.PAUSER());
        verifier.pause(selector);
        _world.noteStop(true);
    }

    function restart() external {
        if (!_world.stopped()) return;
        (bytes4 selector, ZKVerifier verifier) = (_world.journals().SELECTOR(), _world.zkVerifier());
        vm.prank(_world.GOVERNOR());
        verifier.unpause(selector);
        _world.noteStop(false);
    }

    /// @dev Moves what is due from {ProofOfUse} to the holders in the ledger, by the shares.
    function _share(bytes32 digest, uint256 amount) private {
        Share[] memory holders = _models.sharesOf(digest);
        uint256[] memory parts = holders.split(amount);
        for (uint256 i = 0; i < holders.length; ++i) _world.noteMoved(address(_use), holders[i].to, parts[i]);
    }
}
