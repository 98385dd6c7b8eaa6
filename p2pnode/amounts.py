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
