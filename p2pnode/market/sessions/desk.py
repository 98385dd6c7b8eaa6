"""The worker's side of a session: accept it, answer its calls, take the last voucher.

What a call was paid with is in the ledger, with the answer, before the answer leaves. The same request again
(a stream that broke, a requester that restarted) gets the same answer. Nothing that a peer sends makes the
handler raise.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import trio

from p2pnode.errors import InferenceError, P2PNodeError, ProtocolError
from p2pnode.market.answers import Answers
from p2pnode.market.context import Context
from p2pnode.market.models import ModelShelf
from p2pnode.market.refusal import Refusal
from p2pnode.market.sessions.checks import check_call_input, check_voucher
from p2pnode.market.sessions.ledger import SessionBook
from p2pnode.market.sessions.state import SessionState
from p2pnode.market.sessions.terms import SessionTerms
from p2pnode.ports import ProofTask, Role, SessionEntry
from p2pnode.protocol.codec import decode_any, encode, max_size
from p2pnode.protocol.messages import (
    CallAnswer,
    CallReceipt,
    CallRequest,
    DeclineCode,
    SessionAward,
    Signed,
    Voucher,
)
from p2pnode.protocol.sessions import NOTHING, extend
from p2pnode.protocol.tensors import tensors_digest

MAX_REQUEST = max_size(CallRequest)
"""Bytes of the largest request on the session stream."""
MOST_OPENINGS: Final = 128
"""Openings of one peer that are looked at within a minute: each asks the chain, and costs nothing to ask."""
MOST_UNUSED: Final = 16
"""Sessions without a call yet; with more of them, the oldest make room."""


class SessionDesk:
    """Handles the session stream. `on_ended` is called when a session waits to be settled."""

    def __init__(
        self,
        context: Context,
        terms: SessionTerms,
        models: ModelShelf,
        answers: Answers,
        settle_seconds: int,
        on_ended: Callable[[], None],
    ) -> None:
        self._context = context
        self._terms = terms
        self._models = models
        self._answers = answers
        self._settle_seconds = settle_seconds
        self._on_ended = on_ended
        self.book = SessionBook(context, Role.WORKER)
        self._openings: Counter[str] = Counter()
        self._minute = 0
        self._locks: WeakValueDictionary[bytes, trio.Lock] = WeakValueDictionary()

    async def handle(self, peer: str, data: bytes) -> bytes:
        """Answer a signed SessionAward or a closing Voucher with a signed CallReceipt, a CallRequest with
        CallAnswer, or any of them with Decline."""
        subject = NOTHING
        try:
            message = decode_any(data, MAX_REQUEST)
            if isinstance(message, CallRequest):
                subject = message.voucher.message.session_hash
                return encode(await self._call(message))
            if isinstance(message, Signed) and isinstance(message.message, SessionAward):
                subject = self._context.digest(message.message)
                return encode(await self._accept(peer, message, subject))
            if isinstance(message, Signed) and isinstance(message.message, Voucher):
                subject = message.message.session_hash
                return encode(await self._close(message))
            raise ProtocolError(
                "only a signed-session-award, call-request or signed-voucher is answered here"
            )
        except Refusal as refusal:
            refused = refusal
        except ProtocolError as error:
            refused = Refusal(DeclineCode.MALFORMED, str(error))
        except P2PNodeError as error:
            self._context.on_event("session.error", peer=peer, session=subject.hex(), error=str(error))
            refused = Refusal(DeclineCode.INTERNAL, "this worker cannot go on now; try again, or another one")
        self._context.on_event(
            "session.refused",
            peer=peer,
            session=subject.hex(),
            code=refused.code.value,
            reason=refused.reason,
        )
        return encode(refused.decline(subject))

    def lock(self, session_hash: bytes) -> trio.Lock:
        """Held by whoever moves this session."""
        return self._locks.setdefault(session_hash, trio.Lock())

    async def _accept(
        self, peer: str, award: Signed[SessionAward], session_hash: bytes
    ) -> Signed[CallReceipt]:
        async with self.lock(session_hash):
            known = self.book.get(session_hash)
            if known is not None:
                return known.receipt
            self._count_opening(peer)
            await self._terms.examine(award, peer)
            self._make_room()
            receipt = self._context.sign(CallReceipt(session_hash, 0, session_hash))
            self.book.begin(
                SessionEntry(Role.WORKER, session_hash, SessionState.OPEN, award, receipt, peer, changed=0)
            )
        return receipt

    def _count_opening(self, peer: str) -> None:
        minute = self._context.clock.now() // 60
        if minute != self._minute:
            self._minute = minute
            self._openings.clear()
        self._openings[peer] += 1
        if self._openings[peer] > MOST_OPENINGS:
            raise Refusal(
                DeclineCode.AT_CAPACITY,
                f"{MOST_OPENINGS} openings came within a minute; use an open one, or ask in a minute",
            )

    def _make_room(self) -> None:
        """To open a session costs nothing, so nobody can fill this worker with them."""
        unused = [
            session
            for session in self.book.having(SessionState.OPEN)
            if session.voucher is None and not self.lock(session.session_hash).locked()
        ]
        for session in unused[: max(0, len(unused) - MOST_UNUSED + 1)]:
            reason = "no call was made, and others asked for its place"
            self.book.move(session, SessionState.SETTLED, reason=reason)

    async def _call(self, request: CallRequest) -> CallAnswer:
        voucher = request.voucher.message
        lock = self.lock(voucher.session_hash)
        async with lock:
            session = self._known(voucher.session_hash)
            if session.voucher is not None and session.voucher.message == voucher:
                return CallAnswer(session.receipt, session.output)
            self._require_open(session)
            if voucher.input_digest == NOTHING:
                raise Refusal(DeclineCode.MALFORMED, "input_digest is zero; give that of the input")
            check_voucher(request.voucher, session, self._context.domain)
            check_call_input(voucher, request.input)
            if session.voucher is None:
                self._terms.check_room()
            output = await self._run(session, request.input)
            history = extend(voucher.history, voucher.input_digest, tensors_digest(output))
            receipt = self._context.sign(CallReceipt(voucher.session_hash, voucher.calls, history))
            self.book.move(
                session, SessionState.OPEN, voucher=request.voucher, receipt=receipt, output=output
            )
            return CallAnswer(receipt, output)

    async def _close(self, voucher: Signed[Voucher]) -> Signed[CallReceipt]:
        message = voucher.message
        lock = self.lock(message.session_hash)
        async with lock:
            session = self._known(message.session_hash)
            if session.state != SessionState.OPEN:
                return session.receipt
            if message.input_digest != NOTHING:
                raise Refusal(
                    DeclineCode.MALFORMED, "input_digest is set; send a call-request with the input"
                )
            check_voucher(voucher, session, self._context.domain)
            if message.calls == 0:
                self.book.move(session, SessionState.SETTLED, reason="no call was made")
            else:
                self.book.move(session, SessionState.SETTLING, voucher=voucher)
                self._on_ended()
        self._context.on_event("session.ended", session=message.session_hash.hex(), calls=message.calls)
        return session.receipt

    async def _run(self, session: SessionEntry, tensors: bytes) -> bytes:
        model: Path = await self._models.prepare(session.award.message.model_digest, [session.peer])
        try:
            return await self._answers.call(model, ProofTask(session.session_hash, tensors))
        except InferenceError as error:
            raise Refusal(DeclineCode.WRONG_INPUT, str(error)) from error

    def _known(self, session_hash: bytes) -> SessionEntry:
        session = self.book.get(session_hash)
        if session is None:
            raise Refusal(DeclineCode.UNKNOWN_BID, "no such session; open one first")
        return session

    def _require_open(self, session: SessionEntry) -> None:
        latest = session.award.message.settle_deadline - self._settle_seconds
        if session.state != SessionState.OPEN or self._context.clock.now() > latest:
            raise Refusal(
                DeclineCode.EXPIRED,
                f"the session is {session.state}, with calls until {latest}; open another",
            )
