"""What sessions can cost their requester. Pure but for the ledger it reads."""

from p2pnode.market.sessions.state import MAY_BE_PAID
from p2pnode.ports import Role, SessionEntry, Store
from p2pnode.protocol.messages import SessionAward
from p2pnode.protocol.sessions import NOTHING


def cost_of(award: SessionAward, calls: int, paid: int = 0) -> int:
    """What `calls` calls still cost once `paid` of them are paid, opening fee and model fees included."""
    if calls <= paid:
        return 0
    opening = award.opening_fee if paid == 0 else 0
    return opening + (calls - paid) * (award.price + award.model_fee)


def due_calls(session: SessionEntry) -> int:
    """Calls that the requester owes to the worker whose ledger has this entry."""
    return session.receipt.message.calls if session.voucher is not None else 0


def is_acknowledged(session: SessionEntry) -> bool:
    """Whether the newest voucher says that its requester has got every answer."""
    return session.voucher is not None and session.voucher.message.input_digest == NOTHING


def owed_to_worker(store: Store, requester: bytes) -> int:
    """The most that open sessions of `requester` with this worker can still cost it."""
    sessions = store.sessions(Role.WORKER, MAY_BE_PAID)
    return sum(
        cost_of(session.award.message, session.award.message.most_calls, session.paid)
        for session in sessions
        if session.award.message.requester == requester
    )


def promised_by_requester(store: Store, now: int) -> int:
    """The most that the sessions of this requester can still cost it."""
    sessions = store.sessions(Role.REQUESTER, MAY_BE_PAID)
    return sum(
        cost_of(session.award.message, session.reserved, session.paid)
        for session in sessions
        if session.award.message.settle_deadline >= now
    )
