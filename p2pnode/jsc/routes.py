"""Ways of a signed transaction to the chain, tried in order: relayers, and paying its gas oneself.

A relayer's address and fee are signed, so the transaction is signed anew for each way. All of them spend the
same notes with the same rings: at most one counts, and an onlooker of several learns nothing new.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from p2pnode.errors import ChainError, NetworkError, ProtocolError
from p2pnode.jsc.account import NOBODY, JscAccount
from p2pnode.jsc.builder import Plan
from p2pnode.jsc.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Route:
    """`submit` returns the transaction's hash on the chain, or raises NetworkError or ChainError."""

    name: str
    submit: Callable[[Transaction], Awaitable[bytes]]
    relayer: bytes = NOBODY
    fee: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """By which route a transaction went, and why the ones before it failed."""

    tx_hash: bytes
    route: Route
    failures: tuple[str, ...]


def with_route(plan: Plan, route: Route) -> Plan:
    """`plan` with the route's relayer and fee; what the fee changes goes to or from the change.

    ProtocolError when the change does not suffice. Plans have their change last.
    """
    *others, change = plan.payees
    rest = change.amount + plan.payment.fee - route.fee
    if rest < 0:
        raise ProtocolError(f"change does not cover the fee of {route.fee} units of {route.name}")
    payment = replace(plan.payment, fee=route.fee, relayer=route.relayer)
    return replace(plan, payees=(*others, replace(change, amount=rest)), payment=payment)


async def send(account: JscAccount, plan: Plan, routes: Sequence[Route]) -> Sent:
    """Sign and submit by the first route that works. Raises the last route's error when none does."""
    failures: list[str] = []
    error: Exception = ProtocolError("no route: give a relayer, or submit it yourself")
    for route in routes:
        try:
            built = account.sign(with_route(plan, route))
            return Sent(await route.submit(built.transaction), route, tuple(failures))
        except (NetworkError, ChainError, ProtocolError) as failed:
            if failures and "AlreadySpent" in str(failed):
                raise ChainError(
                    f"one of the relayers has sent it after all ({'; '.join(failures)}): sync and look"
                ) from failed
            failures.append(f"{route.name}: {failed}")
            error = failed
    raise error
