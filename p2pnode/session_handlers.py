"""Sessions of a running node for whoever asks it on this machine: the command line and the HTTP API."""

from collections.abc import Mapping, Sequence
from typing import Any

from p2pnode.control import Calls, Emit, OpenSession, SessionHandlers
from p2pnode.control.sessions import CALL_ANSWERED, AnsweredCall, answered_to_json
from p2pnode.errors import MarketError
from p2pnode.market.sessions.owed import cost_of
from p2pnode.market.sessions.requester import SessionOrder, SessionRequester
from p2pnode.market.sessions.state import SessionState
from p2pnode.node import Node
from p2pnode.ports import Role, SessionEntry
from p2pnode.protocol.cid import to_cid


class NodeSessions:
    """The calls about sessions of one open node. Raises MarketError where it does not request."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def table(self) -> SessionHandlers:
        """The handlers by name."""
        return SessionHandlers(self._start, self._calls, self._close, self._settle, self._all)

    @property
    def requester(self) -> SessionRequester:
        """The part of the market that opens sessions."""
        if self._node.requester is None:
            raise MarketError("requester.enabled is false on this node; set it to true to open sessions")
        return self._node.requester.sessions

    async def _start(self, wanted: OpenSession) -> Mapping[str, Any]:
        order = SessionOrder(
            model_digest=wanted.model_digest,
            price=wanted.price,
            most_calls=wanted.most_calls,
            most_opening_fee=wanted.opening_fee_max,
            seconds=wanted.seconds,
            min_stake=self._node.config.requester.min_stake,
        )
        return session_report((await self.requester.start(order)).entry)

    async def _calls(self, calls: Calls, emit: Emit) -> Mapping[str, Any]:
        session = self.requester.live(calls.session)
        for index, tensors in enumerate(calls.inputs):
            output = await session.call(tensors)
            number = session.entry.receipt.message.calls
            await emit(CALL_ANSWERED, answered_to_json(AnsweredCall(index, number, output)))
        return session_report(session.entry)

    async def _close(self, session_hash: bytes) -> Mapping[str, Any]:
        return session_report(await self.requester.close(session_hash))

    async def _settle(self, session_hash: bytes) -> Mapping[str, Any]:
        await self.requester.settle(session_hash)
        return session_report(self.requester.entry(session_hash))

    async def _all(self) -> Sequence[Mapping[str, Any]]:
        store = self._node.store
        return [session_report(entry) for role in Role for entry in store.sessions(role, SessionState)]


def session_report(entry: SessionEntry) -> dict[str, Any]:
    """One session as JSON. `owed` is the most that its requester may yet have to pay."""
    award = entry.award.message
    bound = entry.reserved if entry.role == Role.REQUESTER else award.most_calls
    over = entry.state in (SessionState.SETTLED, SessionState.UNPAID)
    return {
        "session": f"0x{entry.session_hash.hex()}",
        "role": entry.role.value,
        "state": entry.state,
        "model": to_cid(award.model_digest),
        "requester": f"0x{award.requester.hex()}",
        "worker": f"0x{award.worker.hex()}",
        "price": str(award.price),
        "model_fee": str(award.model_fee),
        "opening_fee": str(award.opening_fee),
        "most_calls": award.most_calls,
        "settle_deadline": award.settle_deadline,
        "calls": entry.receipt.message.calls,
        "paid_calls": entry.paid,
        "owed": str(0 if over else cost_of(award, bound, entry.paid)),
        "reason": entry.reason,
    }
