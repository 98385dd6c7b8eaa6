"""Prices: the reverse Dutch ramp of an offer and what a worker asks.

The price that an offer pays is `price_min` until `ramp_start`, then rises in a straight line to
`price_max` at `ramp_end`. Integers throughout; amounts are in the token's smallest unit.
"""

from p2pnode.protocol.messages import Offer


def ramp_price(offer: Offer, at: int) -> int:
    """The most that the offer pays for a bid made at time `at`; rounded down."""
    if at <= offer.ramp_start:
        return offer.price_min
    if at >= offer.ramp_end:
        return offer.price_max
    rise = (offer.price_max - offer.price_min) * (at - offer.ramp_start)
    return offer.price_min + rise // (offer.ramp_end - offer.ramp_start)


def ask_price(offer: Offer, least: int) -> int | None:
    """What a worker that takes no less than `least` bids; None if the ramp never gets there."""
    return max(least, offer.price_min) if least <= offer.price_max else None


def time_of_price(offer: Offer, price: int) -> int:
    """The first second at which the ramp pays `price`, which is at most `price_max`."""
    if price <= offer.price_min:
        return 0
    span, height = offer.ramp_end - offer.ramp_start, offer.price_max - offer.price_min
    return offer.ramp_start + -(-(price - offer.price_min) * span // height)
