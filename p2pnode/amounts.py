"""Amounts of JOY as people read them."""

from p2pnode.config import JOY


def joy(units: int) -> str:
    """An amount of the smallest unit, exact and without trailing zeros."""
    whole, part = divmod(units, JOY)
    decimals = f"{part:018d}".rstrip("0")
    return f"{whole:,}{'.' + decimals if decimals else ''} JOY"
