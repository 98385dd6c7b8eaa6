"""The requester's side of one session: each call pays for itself with a voucher for all calls so far.

The ledger holds how many calls may be vouched for before a voucher for them is signed, and every answer
before it is handed on: after a crash nothing that was paid for is lost, and no more is owed than it says.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final

import trio

from p2pnode.errors import MarketError, NetworkError, ProtocolError, SignatureError
from p2pnode.market.context import Context
from p2pnode.market.sessions.checks import check_answer
from p2pnode.market.sessions.ledger import SessionBook
from p2pnode.market.sessions.state import SessionState
from p2pnode.ports import Ask, CallEntry, SessionEntry
from p2pnode.protocol.codec import decode_any, encode, max_size
from p2pnode.protocol.messages import CallAnswer, CallReceipt, CallRequest, Decline, Signed, Voucher
from p2pnode.protocol.sessions import NOTHING
from p2pnode.protocol.tensors import decode_tensors, require_finite, tensors_digest

RESERVE: Final = 64
"""Calls that are written down as owed at a time, so that a call need not write before it is sent."""
MAX_ANSWER: Final = max_size(CallAnswer)
_TRIES: Final = 3
_CLOSE_SECONDS: Final = 10

Connect = Callable[[str], AbstractAsyncContextManager[Ask]]
"""Opens a conversation on the session stream."""


class Session:
    """An open session; `call` may be used by several tasks, whose calls then take turns."""

    def __init__(self, context: Context, book: SessionBook, entry: SessionEntry, connect: Connect) -> None:
        self._context = context
        self._book = book
        self._entry = entry
        self._connect = connect
        self._turn = trio.Lock()
        self._conversation: AbstractAsyncContextManager[Ask] | None = None
        self._ask: Ask | None = None
        # A call that was sent and whose end is not known: its worker may have answered, and may be paid.
        self._unfinished: CallRequest | None = None

    @property
    def entry(self) -> SessionEntry:
        """What the ledger says of it."""
        return self._entry

    async def call(self, tensors: bytes) -> bytes:
        """The output for one encoded input.

        Raises MarketError for an input that the worker refuses or a session that is over, NetworkError when
        the worker cannot be reached, ProtocolError or SignatureError when it answers with something else:
        then the session should be left, and at most this one call is paid. A call that was cancelled or
        broke off is finished before the next one, or is the next one if that has the same input.
        """
        try:
            require_finite(decode_tensors(tensors))
        except ProtocolError as error:
            raise MarketError(f"input: {error}") from error
        async with self._turn:
            left = self._unfinished
            if left is not None:
                output = await self._finish(left)
                if output is not None and left.input == tensors:
                    return output
            request = CallRequest(self._next_voucher(tensors_digest(tensors)), tensors)
            self._unfinished = request
            try:
                return await self._answer(request)
            except MarketError:
                # It said that it does not answer, so it cannot be paid for an answer.
                self._unfinished = None
                raise

    async def _finish(self, request: CallRequest) -> bytes | None:
        """Ask again for what may have been answered; None where the worker never took the call."""
        try:
            return await self._answer(request)
        except MarketError:
            self._unfinished = None
            return None

    async def _answer(self, request: CallRequest) -> bytes:
        voucher = request.voucher
        answer = await self._exchange(encode(request))
        if not isinstance(answer, CallAnswer):
            raise ProtocolError(f"the worker sent a {type(answer).__name__}; an answer is due")
        check_answer(answer, voucher.message, self._entry.award.message.worker, self._context.domain)
        self._keep(voucher, request.input, answer)
        self._unfinished = None
        return answer.output

    async def close(self, lost: str = "") -> None:
        """Acknowledge the last answer, so that the worker can settle without publishing it; then end.

        If the worker cannot be told now it loses nothing: its last answer is proof enough for the chain.
        `lost` says why nobody knows whether one more call was sent than the ledger has.
        """
        async with self._turn:
            try:
                with trio.move_on_after(_CLOSE_SECONDS):
                    await self._fetch_last()
                voucher = self._end(lost)
                with trio.move_on_after(_CLOSE_SECONDS):
                    await self._acknowledge(voucher)
            finally:
                await self.hang_up()

    async def _fetch_last(self) -> None:
        """What may be paid for is worth having, and must not be published for want of a last voucher."""
        if self._unfinished is None:
            return
        try:
            await self._finish(self._unfinished)
        except (NetworkError, ProtocolError, SignatureError) as error:
            self._context.on_event(
                "session.unanswered", session=self._entry.session_hash.hex(), reason=str(error)
            )

    def _end(self, lost: str) -> Signed[Voucher]:
        """From here on nothing more is vouched for; a call that failed may yet be paid."""
        receipt = self._entry.receipt.message
        voucher = self._context.sign(Voucher(receipt.session_hash, receipt.calls, receipt.history, NOTHING))
        if lost:
            # A call is vouched for only once the answer to the one before is in the ledger.
            asked = min(receipt.calls + 1, self._entry.reserved)
        else:
            asked = self._entry.voucher.message.calls if self._entry.voucher is not None else 0
        owed = max(receipt.calls, asked)
        self._entry = self._book.move(
            self._entry, SessionState.ENDED, reserved=owed, voucher=voucher, reason=lost
        )
        return voucher

    async def _acknowledge(self, voucher: Signed[Voucher]) -> None:
        try:
            told = await self._exchange(encode(voucher))
            if not isinstance(told, Signed) or not isinstance(told.message, CallReceipt):
                raise ProtocolError(f"the worker sent a {type(told).__name__}; a receipt is due")
        except (MarketError, NetworkError, ProtocolError, SignatureError) as error:
            self._context.on_event(
                "session.unacknowledged", session=voucher.message.session_hash.hex(), reason=str(error)
            )

    async def hang_up(self) -> None:
        """Close the stream; the next call opens another."""
        conversation, self._conversation, self._ask = self._conversation, None, None
        if conversation is not None:
            await conversation.__aexit__(None, None, None)

    def _next_voucher(self, input_digest: bytes) -> Signed[Voucher]:
        entry = self._entry
        if entry.state != SessionState.OPEN:
            raise MarketError(f"the session is {entry.state}; open another")
        receipt, most = entry.receipt.message, entry.award.message.most_calls
        if receipt.calls >= most:
            raise MarketError(f"all {most} calls of the session are made; open another, or one with more")
        voucher = self._context.sign(
            Voucher(receipt.session_hash, receipt.calls + 1, receipt.history, input_digest)
        )
        if voucher.message.calls > entry.reserved:
            reserved = min(entry.reserved + RESERVE, most)
            self._entry = self._book.move(entry, SessionState.OPEN, reserved=reserved, voucher=voucher)
        else:
            self._entry = replace(entry, voucher=voucher)
        return voucher

    def _keep(self, voucher: Signed[Voucher], tensors: bytes, answer: CallAnswer) -> None:
        message, store = voucher.message, self._context.store
        with store.transaction():
            store.put_content(tensors)
            output_digest = store.put_content(answer.output)
            store.add_call(
                message.session_hash,
                CallEntry(message.calls, message.input_digest, output_digest, answer.receipt.signature),
            )
            self._entry = self._book.move(
                self._entry, SessionState.OPEN, receipt=answer.receipt, voucher=voucher
            )

    async def _exchange(self, request: bytes) -> object:
        """Ask, over a new stream if the old one broke: the worker answers a repeated request as before."""
        for attempt in range(_TRIES):
            try:
                response = await (await self._open())(request)
                break
            except NetworkError:
                await self.hang_up()
                if attempt == _TRIES - 1:
                    raise
                await self._context.clock.sleep(2**attempt)
            except trio.Cancelled:
                # The answer that is under way would be taken for that of the next request.
                await self.hang_up()
                raise
        answer = decode_any(response, MAX_ANSWER)
        if isinstance(answer, Decline):
            raise MarketError(f"the worker declines, {answer.code}: {answer.reason}")
        return answer

    async def _open(self) -> Ask:
        if self._ask is None:
            self._conversation = self._connect(self._entry.peer)
            self._ask = await self._conversation.__aenter__()
        return self._ask
