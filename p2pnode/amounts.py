"""Amounts of JOY as people read them."""

from p2pnode.config import JOY, Config


def joy(units: int) -> str:
    """An amount of the smallest unit, exact and without trailing zeros."""
    whole, part = divmod(units, JOY)
    decimals = f"{part:018d}".rstrip("0")
    return f"{whole:,}{'.' + decimals if decimals else ''} JOY"


def priced(units: int, config: Config) -> str:
    """As `joy`, and what it is worth in `currency` where the configuration says what a JOY is worth."""
    if not config.currency or not config.joy_price:
        return joy(units)
    return f"{joy(units)} ({units / JOY * config.joy_price:,.4g} {config.currency})"
