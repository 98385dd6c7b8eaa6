"""Opens sessions with workers that take them, and follows what was vouched for to its payment."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

import trio

from p2pnode.errors import ChainError, MarketError, NetworkError, ProtocolError
from p2pnode.market.checks import check_listing
from p2pnode.market.commitments import promised
from p2pnode.market.context import Context
from p2pnode.market.presence import INTERVAL, Presence, SeenNode
from p2pnode.market.sessions.checks import check_first_receipt
from p2pnode.market.sessions.ledger import SessionBook
from p2pnode.market.sessions.owed import cost_of
from p2pnode.market.sessions.session import MAX_ANSWER, Connect, Session
from p2pnode.market.sessions.state import SessionState
from p2pnode.ports import NodeRecord, Role, SessionEntry, StreamProtocol
from p2pnode.protocol.codec import decode_any, encode
from p2pnode.protocol.messages import CallReceipt, Decline, DeclineCode, SessionAward, Signed
from p2pnode.protocol.sessions import MAX_SESSION_CALLS

LOOK_SECONDS: Final = 30
IDLE_SECONDS: Final = 240
"""Before a worker takes a session for over."""
_ENDING_SECONDS: Final = 10.0
_FAREWELL_SECONDS: Final = 3
_MOST_ASKED: Final = 16
_MOST_FEES: Final = 3
"""Opening fees that a worker may name: the price of gas can move between two of them."""


@dataclass(frozen=True, slots=True)
class SessionOrder:
    """What a session is to be: `price` of a call, `most_calls` of them, all within `seconds`.

    The worker's opening fee is paid up to `most_opening_fee`. An answer may take `call_seconds`.
    """

    model_digest: bytes
    price: int
    most_calls: int
    most_opening_fee: int
    seconds: int = 3600
    settle_seconds: int = 3600
    min_stake: int = 0
    call_seconds: float = 30.0


class SessionRequester:
    """The sessions of one requester."""

    def __init__(self, context: Context, presence: Presence) -> None:
        self._context = context
        self._presence = presence
        self._book = SessionBook(context, Role.REQUESTER)
        self._live: dict[bytes, Session] = {}

    async def run(self) -> None:
        """Until cancelled: end what a crash or a client left open, and look whether ended ones were paid."""
        try:
            async with trio.open_nursery() as nursery:
                for entry in self._book.having(SessionState.OPEN):
                    if entry.session_hash not in self._live:
                        left = Session(self._context, self._book, entry, self._connect(_ENDING_SECONDS))
                        nursery.start_soon(left.close, "the node restarted")
                while True:
                    await self._end_idle()
                    for entry in self._book.having(SessionState.ENDED):
                        await self._follow(entry)
                    await self._context.clock.sleep(LOOK_SECONDS)
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(_FAREWELL_SECONDS):
                for session in list(self._live.values()):
                    await self.end(session)

    async def start(self, order: SessionOrder) -> Session:
        """A session with the first worker that takes it; `end` it, so that its last answer is acknowledged.

        Raises MarketError when the model, the escrow or every worker says no; nothing is owed then.
        """
        fee = await self._check(order)
        entry, connect = await self._find_worker(order, fee)
        session = Session(self._context, self._book, entry, connect)
        self._live[entry.session_hash] = session
        return session

    async def end(self, session: Session) -> None:
        """Acknowledge the last answer and ask for no more; again is no harm."""
        if self._live.pop(session.entry.session_hash, None) is not None:
            await session.close()

    async def close(self, session_hash: bytes) -> SessionEntry:
        """`end` the session of that hash if it is open; what the ledger says then. Raises MarketError."""
        if self.entry(session_hash).state == SessionState.OPEN:
            await self.end(self.live(session_hash))
        return self.entry(session_hash)

    @asynccontextmanager
    async def open(self, order: SessionOrder) -> AsyncIterator[Session]:
        """`start` a session and `end` it with the context."""
        session = await self.start(order)
        try:
            yield session
        finally:
            with trio.CancelScope(shield=True):
                await self.end(session)

    def live(self, session_hash: bytes) -> Session:
        """The open session of that hash. Raises MarketError."""
        session = self._live.get(session_hash)
        if session is None:
            raise MarketError(f"session {session_hash.hex()} is not open on this node; open another")
        return session

    def entry(self, session_hash: bytes) -> SessionEntry:
        """What the ledger says of a session. Raises MarketError."""
        entry = self._book.get(session_hash)
        if entry is None:
            raise MarketError(
                f"session {session_hash.hex()} is not in the ledger; give one of this requester"
            )
        return entry

    async def settle(self, session_hash: bytes) -> None:
        """Pay for an ended session now, at this node's own gas, whatever the worker does."""
        entry = self.entry(session_hash)
        if entry.state != SessionState.ENDED or entry.voucher is None:
            raise MarketError(
                f"session {session_hash.hex()} is {entry.state}; only an ended one can be paid for"
            )
        due = entry.receipt.message.calls
        if await self._context.chain.paid_calls(session_hash) < due:
            key = f"own-session-{session_hash.hex()}-{due}"
            await self._context.chain.settle_session(entry.award.message, entry.voucher, None, key)
        await self._look(entry)

    async def _end_idle(self) -> None:
        """End what nobody uses: a client may be gone without a word, and the worker will settle soon."""
        latest = self._context.clock.now() - IDLE_SECONDS
        for session in list(self._live.values()):
            if session.entry.changed < latest:
                await self.end(session)

    async def _follow(self, entry: SessionEntry) -> None:
        try:
            await self._look(entry)
        except ChainError as error:
            self._context.on_event("session.failed", session=entry.session_hash.hex(), reason=str(error))

    async def _check(self, order: SessionOrder) -> int:
        context = self._context
        if not 1 <= order.most_calls <= MAX_SESSION_CALLS:
            raise MarketError(f"most_calls is {order.most_calls}; give 1 to {MAX_SESSION_CALLS}")
        fee = check_listing(order.model_digest, await context.chain.listing(order.model_digest)).fee
        free = await context.chain.free_escrow(context.account)
        owed = promised(context, fee)
        most = order.most_opening_fee + order.most_calls * (order.price + fee)
        if owed + most > free:
            raise MarketError(
                f"free escrow is {free}; the session costs up to {most} and {owed} is owed, so deposit "
                f"{owed + most - free} more"
            )
        return fee

    async def _find_worker(self, order: SessionOrder, fee: int) -> tuple[SessionEntry, Connect]:
        refused = []
        with trio.move_on_after(INTERVAL + 1):
            # A node that has just started has heard nobody yet.
            while not self._candidates(order.model_digest):
                await self._context.clock.sleep(0.5)
        for seen in self._candidates(order.model_digest)[:_MOST_ASKED]:
            record = await self._context.chain.node(seen.heartbeat.account)
            if record is None or not record.active or record.peer_id != seen.peer:
                continue
            if record.stake < order.min_stake:
                refused.append(f"0x{record.account.hex()} has {record.stake} at stake")
                continue
            try:
                return await self._open_with(record, order, fee)
            except (MarketError, NetworkError, ProtocolError) as error:
                self._context.store.record_outcome(record.account, answered=False)
                refused.append(f"0x{record.account.hex()}: {error}")
        why = "; ".join(refused) or "no worker was heard of within the last minute"
        raise MarketError(f"no worker takes the session: {why:.2000}")

    def _candidates(self, model_digest: bytes) -> list[SeenNode]:
        """Workers that were heard of lately: those that hold the model first, the freest of them."""

        def order(seen: SeenNode) -> tuple[bool, float]:
            beat = seen.heartbeat
            return model_digest not in beat.models, beat.load / max(beat.capacity, 1)

        return sorted((seen for seen in self._presence.nodes() if seen.heartbeat.capacity), key=order)

    async def _open_with(
        self, record: NodeRecord, order: SessionOrder, fee: int
    ) -> tuple[SessionEntry, Connect]:
        opening_fee = 0
        for _ in range(_MOST_FEES):
            award = self._award(record.account, order, fee, opening_fee)
            connect = self._connect(order.call_seconds)
            async with connect(record.peer_id) as ask:
                said = decode_any(await ask(encode(award)), MAX_ANSWER)
            if not isinstance(said, Decline):
                return self._begin(award, said, record.peer_id), connect
            asked = said.needed if said.code == DeclineCode.OPENING_FEE_TOO_LOW else 0
            if not opening_fee < asked <= order.most_opening_fee:
                raise MarketError(f"{said.code}, {said.reason}")
            # An award binds to nothing without a voucher, so the dearer one can simply take its place.
            opening_fee = asked
        raise MarketError(f"it asks for another opening fee each time, {opening_fee} the last")

    def _connect(self, call_seconds: float) -> Connect:
        return partial(
            self._context.bus.converse,
            protocol=StreamProtocol.SESSION,
            timeout=call_seconds,
            max_response=MAX_ANSWER,
        )

    def _award(self, worker: bytes, order: SessionOrder, fee: int, opening_fee: int) -> Signed[SessionAward]:
        context = self._context
        return context.sign(
            SessionAward(
                requester=context.account,
                worker=worker,
                model_digest=order.model_digest,
                price=order.price,
                model_fee=fee,
                opening_fee=opening_fee,
                most_calls=order.most_calls,
                settle_deadline=context.clock.now() + order.seconds + order.settle_seconds,
                nonce=int.from_bytes(context.random_bytes(32), "big"),
            )
        )

    def _begin(self, award: Signed[SessionAward], said: object, peer: str) -> SessionEntry:
        context = self._context
        session_hash = context.digest(award.message)
        if not isinstance(said, Signed) or not isinstance(said.message, CallReceipt):
            raise ProtocolError(f"the worker sent a {type(said).__name__}; its first receipt is due")
        check_first_receipt(said, session_hash, award.message.worker, context.domain)
        return self._book.begin(
            SessionEntry(Role.REQUESTER, session_hash, SessionState.OPEN, award, said, peer, changed=0)
        )

    async def _look(self, entry: SessionEntry) -> None:
        """Whether all that was answered is paid; what is not by the deadline never is."""
        answered = entry.receipt.message.calls
        paid = await self._context.chain.paid_calls(entry.session_hash)
        over = entry.award.message.settle_deadline < self._context.clock.now()
        if paid >= entry.reserved or (over and paid >= answered):
            self._book.move(entry, SessionState.SETTLED, paid=paid)
            cost = cost_of(entry.award.message, paid)
            self._context.on_event("session.settled", session=entry.session_hash.hex(), calls=paid, paid=cost)
        elif over:
            self._book.move(entry, SessionState.UNPAID, paid=paid, reason="the worker did not settle in time")
        elif paid != entry.paid:
            self._book.move(entry, SessionState.ENDED, paid=paid)
