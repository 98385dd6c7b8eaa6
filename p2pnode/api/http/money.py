"""What the money page shows of the chain: balances, and what was taken from the account, with the reason."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from p2pnode.amounts import JOY, worth
from p2pnode.chain import ChainClient, Fault, Penalty
from p2pnode.config import Config
from p2pnode.errors import ChainError

REASONS: Final = {
    Fault.MISSED: "answered a task and did not settle it in time",
    Fault.FALSE_RESULT: "signed a result that a proof or another signed result contradicts",
    Fault.OVERCOMMITTED: "signed awards for more than the escrow held",
}


async def balances(chain: ChainClient, show: Callable[[Any], str]) -> tuple[list[tuple[str, str]], str]:
    """Names and values of an account, and what kept the chain from saying them; `show` writes an amount."""
    try:
        record = await chain.node(chain.account)
        found = [
            ("In the account", show(await chain.token.balance(chain.account))),
            ("Free in escrow", show(await chain.escrow.free(chain.account))),
            ("Coins for gas", f"{await chain.gas_balance(chain.account) / 1e18:.5f}"),
        ]
    except ChainError as error:
        return [], str(error)
    if record is not None:
        found += [
            ("Staked", show(record.stake)),
            ("Settled on chain", str(record.settled)),
            ("Missed on chain", str(record.missed)),
        ]
    return found, ""


async def penalty_rows(chain: ChainClient) -> tuple[Sequence[Mapping[str, Any]], str]:
    """Rows of the account's penalties, the newest first, and what kept the chain from saying them."""
    try:
        return [_row(one) for one in await chain.penalties.of(chain.account)], ""
    except ChainError as error:
        return [], str(error)


def _row(one: Penalty) -> Mapping[str, Any]:
    reason = REASONS[one.fault]
    if one.rescuer is not None:
        reason = f"did not settle a task in time, which 0x{one.rescuer.hex()} then proved"
    return {
        "when": f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M} UTC",
        "from": "bond" if one.fault is Fault.OVERCOMMITTED else "stake",
        "amount": joy_text(one.amount),
        "burnt": joy_text(one.burnt),
        "reason": reason,
        "task_id": f"0x{one.task_id.hex()}" if one.task_id is not None else None,
        "transaction": f"0x{one.transaction.hex()}",
        "final": one.final,
    }


def joy_text(units: Any) -> str:
    """An amount for people."""
    amount = Decimal(int(units)) / JOY
    return f"{amount:,.6f}".rstrip("0").rstrip(".") + " JOY"


def priced_text(units: Any, config: Config) -> str:
    """As `joy_text`, and the worth in `currency` where the configuration says what a JOY is worth."""
    return joy_text(units) + worth(int(units), config.currency, config.joy_price)
