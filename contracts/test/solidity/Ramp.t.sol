// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Offer} from "../../contracts/types/Offer.sol";
import {Asserting} from "../support/Vm.sol";

/// @notice The price ramp of an offer, for any words in its fields.
contract RampTest is Asserting {
    function priceAt(Offer calldata offer, uint64 time) external pure returns (uint256) {
        return offer.priceAt(time);
    }

    function testFuzz_liesBetweenItsEndsAndNeverFalls(Offer memory offer, uint64 a, uint64 b) public view {
        if (offer.priceMax < offer.priceMin) (offer.priceMin, offer.priceMax) = (offer.priceMax, offer.priceMin);
        if (a > b) (a, b) = (b, a);
        uint256 early = this.priceAt(offer, a);
        uint256 late = this.priceAt(offer, b);
        assertTrue(offer.priceMin <= early && early <= late && late <= offer.priceMax, "order");
    }

    function testFuzz_isTheStraightLineRoundedDown(uint64 start, uint32 span, uint32 after_, uint128 low, uint128 rise)
        public
        view
    {
        Offer memory offer;
        offer.rampStart = uint64(bound(start, 0, type(uint64).max - type(uint32).max));
        span = uint32(bound(span, 1, type(uint32).max));
        after_ = uint32(bound(after_, 0, span));
        (offer.rampEnd, offer.priceMin, offer.priceMax) = (offer.rampStart + span, low, uint256(low) + rise);
        uint256 expected = low + (uint256(rise) * after_) / span;
        assertEq(this.priceAt(offer, offer.rampStart + after_), expected, "price");
    }

    function testFuzz_isThePriceOfItsEndsOutside(Offer memory offer, uint64 time) public view {
        if (offer.priceMax < offer.priceMin || offer.rampEnd < offer.rampStart) return;
        uint64 early = uint64(bound(time, 0, offer.rampStart));
        assertEq(this.priceAt(offer, early), offer.priceMin, "before");
        uint64 late = uint64(bound(time, offer.rampEnd, type(uint64).max));
        if (late > offer.rampStart) assertEq(this.priceAt(offer, late), offer.priceMax, "after");
    }

    /// @dev A ramp that is written backwards pays its least price, and nothing reverts.
    function testFuzz_nothingInAnOfferReverts(Offer memory offer, uint64 time) public view {
        uint256 price = this.priceAt(offer, time);
        assertTrue(price == offer.priceMin || price <= offer.priceMax, "price");
    }
}
