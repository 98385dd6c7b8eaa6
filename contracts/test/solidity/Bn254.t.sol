// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "../../contracts/libraries/Bn254.sol";
import {Point} from "../../contracts/types/Point.sol";
import {Asserting} from "../support/Vm.sol";

/// @notice The group laws, and what the precompiles refuse.
contract Bn254Test is Asserting {
    Point private _generator = Point(1, 2);
    Point private _outside = Point(1, 3);

    function testFuzz_multiplesAddUp(uint256 a, uint256 b) public view {
        (a, b) = (a % Bn254.N, b % Bn254.N);
        Point memory sum = Bn254.add(Bn254.mul(_generator, a), Bn254.mul(_generator, b));
        Point memory expected = Bn254.mul(_generator, addmod(a, b, Bn254.N));
        assertTrue(sum.x == expected.x && sum.y == expected.y, "aG + bG = (a + b)G");
        assertTrue(Bn254.isOnCurve(sum.x, sum.y) || addmod(a, b, Bn254.N) == 0, "the sum is on the curve");
    }

    function test_refusesPointsThatAreNotOnTheCurve() public view {
        assertTrue(!Bn254.isOnCurve(_outside.x, _outside.y), "outside");
        assertTrue(!Bn254.isOnCurve(_generator.x + Bn254.P, _generator.y), "not reduced");
        bytes4[2] memory calls = [this.addOutside.selector, this.mulOutside.selector];
        for (uint256 i = 0; i < calls.length; ++i) {
            // A precompile that refuses takes all the gas it was given.
            (bool success, bytes memory reason) = address(this).staticcall{gas: 500_000}(abi.encodePacked(calls[i]));
            assertTrue(!success && bytes4(reason) == Bn254.PrecompileFailed.selector, "refused");
        }
    }

    function addOutside() external view returns (Point memory) {
        return Bn254.add(_generator, _outside);
    }

    function mulOutside() external view returns (Point memory) {
        return Bn254.mul(_outside, 2);
    }
}
