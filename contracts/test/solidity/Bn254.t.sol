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

    /// @dev The sum kept in one place of memory is that of {Bn254-mul} and {Bn254-add}.
    function testFuzz_aRunningSumIsTheSameSum(uint256 a, uint256 b) public view {
        (a, b) = (a % Bn254.N, b % Bn254.N);
        uint256 buffer = Bn254.newSum();
        uint256 generator = Bn254.store(_generator.x, _generator.y);
        assertTrue(Bn254.mulAdd(buffer, generator, a) && Bn254.mulAdd(buffer, generator, b), "added");
        (uint256 x, uint256 y) = Bn254.sumOf(buffer);
        Point memory expected = Bn254.mul(_generator, addmod(a, b, Bn254.N));
        assertTrue(x == expected.x && y == expected.y, "aG + bG = (a + b)G");
        Bn254.setSum(buffer, _generator.x, _generator.y);
        assertTrue(Bn254.mulAdd(buffer, generator, a), "added to what was set");
        (x, y) = Bn254.sumOf(buffer);
        expected = Bn254.mul(_generator, addmod(a, 1, Bn254.N));
        assertTrue(x == expected.x && y == expected.y, "G + aG = (a + 1)G");
    }

    function onCurve(Point calldata point) external pure returns (bool) {
        return Bn254.isOnCurve(point);
    }

    function mulAddOutside() external view returns (bool) {
        return Bn254.mulAdd(Bn254.newSum(), Bn254.store(_outside.x, _outside.y), 2);
    }

    function test_refusesPointsThatAreNotOnTheCurve() public view {
        assertTrue(this.onCurve(_generator) && !this.onCurve(_outside), "outside");
        assertTrue(!Bn254.isOnCurve(_generator.x + Bn254.P, _generator.y), "x not reduced");
        assertTrue(!Bn254.isOnCurve(_generator.x, _generator.y + Bn254.P), "y not reduced");
        (bool ran, bytes memory added) = address(this).staticcall{gas: 500_000}(abi.encodeCall(this.mulAddOutside, ()));
        assertTrue(ran && !abi.decode(added, (bool)), "no sum");
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
