"""Amounts of JOY: their unit, their bound, and how people read them."""

from typing import Final

JOY: Final = 10**18
"""Smallest units in one JOY."""
JSC_UNIT: Final = 10**9
"""JOY of one unit of JSC, in JOY's smallest unit; `JSCBridge.UNIT`."""
MAX_AMOUNT: Final = 10**27
"""A thousand million JOY: the whole supply."""


def joy(units: int) -> str:
    """An amount of the smallest unit, exact and without trailing zeros."""
    whole, part = divmod(units, JOY)
    decimals = f"{part:018d}".rstrip("0")
    return f"{whole:,}{'.' + decimals if decimals else ''} JOY"


def worth(units: int, currency: str, joy_price: float) -> str:
    """What an amount is worth, in brackets after a space; empty where nobody said what a JOY is worth."""
    if not currency or not joy_price:
        return ""
    return f" ({units / JOY * joy_price:,.4g} {currency})"
