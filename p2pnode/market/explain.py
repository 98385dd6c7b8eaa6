"""Why nobody bids: asks every known worker what it would do with an offer, and what would change that.

The question is a copy of the offer with fresh times and a nonce of its own, so that it can be asked long
after the offer has ended; it is never gossiped, and nobody bids on it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import trio

from p2pnode.errors import MarketError, NetworkError, ProtocolError
from p2pnode.market.context import Context
from p2pnode.market.presence import Presence, SeenNode
from p2pnode.ports import Role, StreamProtocol
from p2pnode.protocol.codec import decode_any, encode, max_size
from p2pnode.protocol.messages import Decline, DeclineCode, Offer, Quote

WOULD_BID = "would-bid"
NO_ANSWER = "no-answer"
_TIMEOUT = 15.0
_MOST_ROUNDS = 5
"""Questions to one worker: a first one, then one after each change that it asked for."""
_PARALLEL = 16


@dataclass(frozen=True, slots=True)
class Change:
    """One field of the offer that has to become `needed`."""

    field: str
    given: int
    needed: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one worker says: `code` is a decline code, WOULD_BID or NO_ANSWER.

    With all of `changes` it `ends` as the code there says: WOULD_BID, or what it would decline for next,
    and `deposit` and `bond` are what the requester's escrow and bond miss then.
    """

    peer: str
    account: bytes
    capacity: int
    load: int
    code: str
    reason: str
    changes: tuple[Change, ...]
    ends: str
    price: int
    deposit: int
    bond: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Every worker's verdict; `peers` is how many peers this node has."""

    offer_hash: bytes
    offer: Offer
    state: str
    verdicts: tuple[Verdict, ...]
    peers: int


class Explainer:
    """Asks around for one requester."""

    def __init__(self, context: Context, presence: Presence) -> None:
        self._context = context
        self._presence = presence

    async def explain(self, offer_hash: bytes) -> Explanation:
        """Ask about an offer of this requester. Raises MarketError if it made none with this hash."""
        task = self._context.store.task(Role.REQUESTER, offer_hash)
        if task is None:
            raise MarketError(f"offer {offer_hash.hex()} is not in the ledger; give one of this requester")
        offer = task.offer.message
        limit = trio.CapacityLimiter(_PARALLEL)
        verdicts: list[Verdict] = []

        async def ask(node: SeenNode) -> None:
            async with limit:
                verdicts.append(await self._verdict(node, self._fresh(offer)))

        async with trio.open_nursery() as nursery:
            for node in self._presence.nodes():
                nursery.start_soon(ask, node)
        verdicts.sort(key=lambda verdict: (verdict.code != WOULD_BID, verdict.code, verdict.account))
        peers = len(self._context.bus.peers())
        return Explanation(offer_hash, offer, task.state, tuple(verdicts), peers)

    def _fresh(self, offer: Offer) -> Offer:
        later = self._context.clock.now() - offer.ramp_start
        return replace(
            offer,
            ramp_start=offer.ramp_start + later,
            ramp_end=offer.ramp_end + later,
            result_deadline=offer.result_deadline + later,
            settle_deadline=offer.settle_deadline + later,
            nonce=int.from_bytes(self._context.random_bytes(32), "big"),
        )

    async def _verdict(self, node: SeenNode, offer: Offer) -> Verdict:
        changes: list[Change] = []
        first = said = await self._ask(node.peer, offer)
        while isinstance(said, Decline) and len(changes) < _MOST_ROUNDS - 1:
            change = change_for(said, offer)
            if change is None:
                break
            changes.append(change)
            offer = replace(offer, **{change.field: change.needed})  # type: ignore[arg-type]
            said = await self._ask(node.peer, offer)
        return Verdict(
            peer=node.peer,
            account=node.heartbeat.account,
            capacity=node.heartbeat.capacity,
            load=node.heartbeat.load,
            code=_code(first),
            reason=first if isinstance(first, str) else getattr(first, "reason", ""),
            changes=tuple(changes),
            ends=_code(said),
            price=said.price if isinstance(said, Quote) else 0,
            deposit=_missing(said, DeclineCode.ESCROW_TOO_LOW),
            bond=_missing(said, DeclineCode.BOND_TOO_LOW),
        )

    async def _ask(self, peer: str, offer: Offer) -> Quote | Decline | str:
        """The worker's answer, or why there is none."""
        try:
            response = await self._context.bus.request(
                peer,
                StreamProtocol.TASK,
                encode(self._context.sign(offer)),
                timeout=_TIMEOUT,
                max_response=max_size(Decline),
            )
            answer = decode_any(response, max_size(Decline))
        except (NetworkError, ProtocolError) as error:
            return str(error)
        return answer if isinstance(answer, Quote | Decline) else "the peer answered with another message"


def change_for(decline: Decline, offer: Offer) -> Change | None:
    """The field that a decline asks to be changed, if it is one of the offer's and the change is one."""
    needed = decline.needed
    match decline.code:
        case DeclineCode.PRICE_TOO_LOW if needed > offer.price_max:
            return Change("price_max", offer.price_max, needed)
        case DeclineCode.STAKE_TOO_LOW if 0 < needed < offer.min_stake:
            return Change("min_stake", offer.min_stake, needed)
        case DeclineCode.CANNOT_FINISH | DeclineCode.EXPIRED if needed > offer.settle_deadline:
            return Change("settle_deadline", offer.settle_deadline, needed)
        case DeclineCode.CANNOT_FINISH if needed > offer.result_deadline:
            return Change("result_deadline", offer.result_deadline, needed)
    return None


def advise(explanation: Explanation, show: Callable[[int], str]) -> str:
    """The cheapest change that gets a bid, in a sentence; `show` writes an amount."""
    verdicts = explanation.verdicts
    if not verdicts:
        if not explanation.peers:
            return "this node has no peers: check network.bootstrap and that the machine is online"
        return f"none of the {explanation.peers} peers says that it is a worker: wait for one, or start one"
    ready = [verdict for verdict in verdicts if verdict.ends == WOULD_BID]
    if any(not verdict.changes for verdict in ready):
        bidders = [verdict for verdict in ready if not verdict.changes]
        least = min(verdict.price for verdict in bidders)
        return f"offer it again: {len(bidders)} of {len(verdicts)} would bid now, from {show(least)}"
    if ready:
        return f"change {_told(min(ready, key=_cost).changes, show)}; then a worker bids"
    short = [verdict for verdict in verdicts if verdict.deposit]
    if short:
        best = min(short, key=lambda verdict: (*_cost(verdict), verdict.deposit))
        more = f", and change {_told(best.changes, show)}" if best.changes else ""
        return f"deposit {show(best.deposit)} more into the escrow{more}; then a worker bids"
    unbonded = [verdict.bond for verdict in verdicts if verdict.bond]
    if unbonded:
        return f"bond {show(min(unbonded))} more with `p2pnode bond add`; then a worker looks at the rest"
    codes = {verdict.ends for verdict in verdicts}
    if codes & {DeclineCode.AT_CAPACITY, DeclineCode.PAUSED, DeclineCode.CANNOT_FINISH}:
        return "offer it again later: the workers that would take it have no room now"
    if DeclineCode.MODEL_UNAVAILABLE in codes:
        return "publish the model: no worker could fetch it"
    return "no change of the offer would do; the reasons above say what else is wrong"


def _cost(verdict: Verdict) -> tuple[int, int]:
    raised = sum(change.needed - change.given for change in verdict.changes if change.field == "price_max")
    return raised, len(verdict.changes)


def _told(changes: Sequence[Change], show: Callable[[int], str]) -> str:
    parts = []
    for change in changes:
        if change.field.endswith("deadline"):
            parts.append(f"{change.field} by {change.needed - change.given} s")
        else:
            parts.append(f"{change.field} from {show(change.given)} to {show(change.needed)}")
    return " and ".join(parts)


def _code(said: Quote | Decline | str) -> str:
    if isinstance(said, Quote):
        return WOULD_BID
    return said.code.value if isinstance(said, Decline) else NO_ANSWER


def _missing(said: Quote | Decline | str, code: DeclineCode) -> int:
    return said.needed if isinstance(said, Decline) and said.code == code else 0
