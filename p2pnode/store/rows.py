"""How entries of the ledger are laid out in rows.

The receipts of a batch share one seal, which is most of their bytes; it is kept once, beside them.
"""

from functools import lru_cache, partial
from typing import Any

from p2pnode.ports import Role, TaskEntry
from p2pnode.protocol.codec import decode_signed, encode
from p2pnode.protocol.messages import Award, Bid, Offer, Result

TASK_COLUMNS = "role, offer_hash, state, offer, changed, peer, bid, award, task_id, result, reason"

# A node looks at its open tasks many times, and decoding them was a third of what its market costs.
_KEPT = 1024
_offer = lru_cache(_KEPT)(partial(decode_signed, expect=Offer))
_bid = lru_cache(_KEPT)(partial(decode_signed, expect=Bid))
_award = lru_cache(_KEPT)(partial(decode_signed, expect=Award))
_result = lru_cache(_KEPT)(partial(decode_signed, expect=Result))

_SEAL_FIELD = '"seal": "'


def split_seal(receipt: str) -> tuple[str, str, str]:
    """What stands before, in and after the seal of a receipt file; all of it before if there is none."""
    before, field, rest = receipt.partition(_SEAL_FIELD)
    seal, quote, after = rest.partition('"')
    return before + field, seal, quote + after


def task_row(task: TaskEntry) -> tuple[object, ...]:
    """Values of a task's columns, in the order of TASK_COLUMNS."""
    return (
        task.role,
        task.offer_hash,
        task.state,
        encode(task.offer),
        task.changed,
        task.peer,
        task.bid and encode(task.bid),
        task.award and encode(task.award),
        task.task_id,
        task.result and encode(task.result),
        task.reason,
    )


def task_of(found: tuple[Any, ...]) -> TaskEntry:
    """The task in a row of TASK_COLUMNS."""
    role, offer_hash, state, offer, changed, peer, bid, award, task_id, result, reason = found
    return TaskEntry(
        role=Role(role),
        offer_hash=offer_hash,
        state=state,
        offer=_offer(offer),
        changed=changed,
        peer=peer,
        bid=_bid(bid) if bid else None,
        award=_award(award) if award else None,
        task_id=task_id,
        result=_result(result) if result else None,
        reason=reason,
    )
