"""Moves of sessions in the ledger: legal, timed, and kept at hand so that a call reads nothing back."""

from dataclasses import replace

from p2pnode.market.context import Context
from p2pnode.market.sessions.state import SessionState, check_transition
from p2pnode.ports import Role, SessionEntry
from p2pnode.protocol.cid import to_cid


class SessionBook:
    """The sessions of one role. What it returns is what the ledger holds."""

    def __init__(self, context: Context, role: Role) -> None:
        self._context = context
        self._role = role
        self._open: dict[bytes, SessionEntry] = {}

    def begin(self, session: SessionEntry) -> SessionEntry:
        """Write a new session and report it."""
        session = replace(
            session, role=self._role, state=SessionState.OPEN, changed=self._context.clock.now()
        )
        self._context.store.add_session(session)
        self._open[session.session_hash] = session
        award = session.award.message
        self._context.on_event(
            "session.opened",
            session=session.session_hash.hex(),
            model=to_cid(award.model_digest),
            price=award.price,
            most_calls=award.most_calls,
            peer=session.peer,
        )
        return session

    def get(self, session_hash: bytes) -> SessionEntry | None:
        """The session as it is now."""
        found = self._open.get(session_hash)
        return found if found is not None else self._context.store.session(self._role, session_hash)

    def move(self, session: SessionEntry, state: SessionState, **change: object) -> SessionEntry:
        """Write a move. Raises MarketError if it is illegal, StoreError if it came too late."""
        new = check_transition(self._role, session.state, state)
        moved = replace(session, state=new, changed=self._context.clock.now(), **change)  # type: ignore[arg-type]
        self._context.store.move_session(moved, expect=session.state)
        if new == SessionState.OPEN:
            self._open[moved.session_hash] = moved
        else:
            self._open.pop(moved.session_hash, None)
        return moved

    def having(self, *states: SessionState) -> list[SessionEntry]:
        """Sessions in one of these states, oldest first."""
        return self._context.store.sessions(self._role, states)
