"""Takes what a worker is owed for sessions to the chain, however often the chain must be asked.

The state SETTLING is written before a transaction leaves; the chain adapter finds what was sent under a key
before, and the chain pays no call twice, so a crash costs no second payment.
"""

from typing import Final

import trio

from p2pnode.errors import ChainError
from p2pnode.market.context import Context
from p2pnode.market.sessions.desk import SessionDesk
from p2pnode.market.sessions.owed import cost_of, due_calls, is_acknowledged
from p2pnode.market.sessions.state import SessionState
from p2pnode.ports import LastAnswer, SessionEntry

LOOK_SECONDS: Final = 15
IDLE_SECONDS: Final = 300
"""A session in which nothing was asked for so long is settled."""
_GRACE: Final = 600
"""Seconds after the deadline in which a transaction that was sent in time may still be found."""


class SessionKeeper:
    """Ends sessions that are idle, near their deadline or no longer covered, and settles all that ended."""

    def __init__(self, context: Context, desk: SessionDesk, settle_seconds: int, *, credit: bool) -> None:
        self._context = context
        self._desk = desk
        self._settle_seconds = settle_seconds
        self._credit = credit
        self._woken = trio.Event()

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; first takes up what a crash left."""
        while True:
            self._woken = trio.Event()
            for session in self._desk.book.having(SessionState.OPEN):
                await self._end_if_due(session.session_hash)
            async with trio.open_nursery() as nursery:
                for session in self._desk.book.having(SessionState.SETTLING):
                    nursery.start_soon(self._settle, session)
            with trio.move_on_after(LOOK_SECONDS):
                await self._woken.wait()

    async def _end_if_due(self, session_hash: bytes) -> None:
        async with self._desk.lock(session_hash):
            session = self._desk.book.get(session_hash)
            if session is None or session.state != SessionState.OPEN:
                return
            reason = await self._why_end(session)
            if not reason:
                return
            if due_calls(session) == 0:
                self._desk.book.move(session, SessionState.SETTLED, reason=f"no call was made; {reason}")
            else:
                self._desk.book.move(session, SessionState.SETTLING, reason=reason)
        self._context.on_event("session.ended", session=session_hash.hex(), calls=due_calls(session))

    async def _why_end(self, session: SessionEntry) -> str:
        now, award = self._context.clock.now(), session.award.message
        if now > award.settle_deadline - self._settle_seconds:
            return "its deadline is near"
        if now - session.changed > IDLE_SECONDS:
            return f"nothing was asked for {IDLE_SECONDS} s"
        try:
            free = await self._context.chain.free_escrow(award.requester)
        except ChainError:
            return ""
        if free < cost_of(award, award.most_calls, session.paid):
            return "its requester's escrow has shrunk"
        return ""

    async def _settle(self, session: SessionEntry) -> None:
        context, due = self._context, due_calls(session)
        try:
            paid = await context.chain.paid_calls(session.session_hash)
            if paid < due:
                await self._send(session, paid)
                paid = await context.chain.paid_calls(session.session_hash)
        except ChainError as error:
            context.on_event("session.failed", session=session.session_hash.hex(), reason=str(error))
            if session.award.message.settle_deadline + _GRACE < context.clock.now():
                self._desk.book.move(
                    session, SessionState.UNPAID, reason=f"not settled by its deadline: {error}"
                )
            return
        if paid < due:
            # The escrow did not reach for all: another try after a deposit.
            self._desk.book.move(session, SessionState.SETTLING, paid=paid)
            return
        self._desk.book.move(session, SessionState.SETTLED, paid=paid)
        context.on_event(
            "session.settled",
            session=session.session_hash.hex(),
            calls=paid,
            paid=cost_of(session.award.message, paid),
        )

    async def _send(self, session: SessionEntry, paid: int) -> None:
        assert session.voucher is not None
        answer = None
        if not is_acknowledged(session):
            answer = LastAnswer(session.output, session.receipt.signature)
        key = f"session-{session.session_hash.hex()}-{due_calls(session)}-after-{paid}"
        await self._context.chain.settle_session(
            session.award.message, session.voucher, answer, key, credit=self._credit
        )
