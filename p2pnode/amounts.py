"""Amounts of JOY: their unit, their bound, and how people read them."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from p2pnode.config import Config

JOY: Final = 10**18
"""Smallest units in one JOY."""
MAX_AMOUNT: Final = 10**27
"""A thousand million JOY: the whole supply."""


def joy(units: int) -> str:
    """An amount of the smallest unit, exact and without trailing zeros."""
    whole, part = divmod(units, JOY)
    decimals = f"{part:018d}".rstrip("0")
    return f"{whole:,}{'.' + decimals if decimals else ''} JOY"


def priced(units: int, config: "Config") -> str:
    """As `joy`, and what it is worth in `currency` where the configuration says what a JOY is worth."""
    if not config.currency or not config.joy_price:
        return joy(units)
    return f"{joy(units)} ({units / JOY * config.joy_price:,.4g} {config.currency})"
