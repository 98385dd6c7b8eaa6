"""What a requester has promised: awards that may yet be paid, which its escrow must cover.

Awards for more than the escrow holds can be shown on chain by anyone, and cost the requester's bond.
"""

from p2pnode.market.context import Context
from p2pnode.market.sessions.owed import promised_by_requester
from p2pnode.market.state import TaskState
from p2pnode.ports import Role, TaskEntry

_MAY_BE_PAID = (TaskState.OFFERED, TaskState.AWARDED, TaskState.ANSWERED, TaskState.UNANSWERED)


def promised(context: Context, fee: int) -> int:
    """The most that this account's awards, open offers and sessions can yet cost, in the smallest unit.

    Awards of one offer share a nonce, so only the dearest of them can be paid. `fee` is the model's, for
    offers that may still be awarded.
    """
    now = context.clock.now()
    tasks = context.store.tasks(Role.REQUESTER, _MAY_BE_PAID)
    awards = sum(_cost(context, task, fee) for task in tasks if task.offer.message.settle_deadline >= now)
    return awards + promised_by_requester(context.store, now)


def _cost(context: Context, task: TaskEntry, fee: int) -> int:
    awards = [signed.message for signed in context.store.awards(task.offer_hash)]
    cost = max((award.price + award.model_fee for award in awards), default=0)
    if task.state in (TaskState.OFFERED, TaskState.AWARDED):
        # Another bid may still be awarded.
        cost = max(cost, task.offer.message.price_max + fee)
    return cost
