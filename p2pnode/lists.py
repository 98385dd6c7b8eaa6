"""Settings with a form of their own, mostly lists: their checks for `config`, and their values."""

import re
from typing import Final

from p2pnode.amounts import MAX_AMOUNT
from p2pnode.errors import ConfigError, ProtocolError
from p2pnode.protocol.cid import from_cid

_ACCOUNT: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_MOST_PERCENT: Final = 1_000_000

DIRECT: Final = "direct"
CREDIT: Final = "credit"


def check_accounts(value: tuple[str, ...]) -> str | None:
    """The remedy for an entry that is no account."""
    wrong = next((entry for entry in value if not _ACCOUNT.fullmatch(entry)), None)
    return None if wrong is None else f"{wrong!r} is no account; write 0x and 40 hex digits"


def check_model_prices(value: tuple[str, ...]) -> str | None:
    """The remedy for an entry that is not `CID=units`."""
    for entry in value:
        cid, _, price = entry.partition("=")
        try:
            from_cid(cid)
            if not price.isascii() or not price.isdigit() or int(price) > MAX_AMOUNT:
                return f"{entry!r}: write the model's CID, =, and a price in the smallest unit"
        except ProtocolError as error:
            return str(error)
    return None


def check_percents(value: tuple[str, ...]) -> str | None:
    """The remedy for an entry that is not `account=percent`."""
    for entry in value:
        account, _, percent = entry.partition("=")
        right = percent.isascii() and percent.isdigit() and int(percent) <= _MOST_PERCENT
        if not _ACCOUNT.fullmatch(account) or not right:
            return f"{entry!r}: write an account, =, and a percentage, for example 0x...=90"
    return None


def check_payout(value: str) -> str | None:
    """The remedy for a payout that is neither `direct`, `credit` nor a JSC address."""
    if value in (DIRECT, CREDIT):
        return None
    # Here: the curve takes a fifth of a second to load, and most commands read no such address.
    from p2pnode.jsc.keys import Address

    try:
        Address.parse(value)
    except ConfigError:
        return "write direct, credit or a JSC address, which `p2pnode jsc address` shows"
    return None


def account_of(entry: str) -> bytes:
    """The account of a checked entry."""
    return bytes.fromhex(entry[2:])


def model_prices(entries: tuple[str, ...]) -> dict[bytes, int]:
    """Prices by model digest, of checked entries."""
    pairs = (entry.partition("=") for entry in entries)
    return {from_cid(cid): int(price) for cid, _, price in pairs}


def percents(entries: tuple[str, ...]) -> dict[bytes, int]:
    """Percentages by account, of checked entries."""
    pairs = (entry.partition("=") for entry in entries)
    return {account_of(account): int(percent) for account, _, percent in pairs}
