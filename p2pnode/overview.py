"""The node at a glance, as JSON: what `p2pnode top` and the dashboard show."""

import time
from collections import Counter
from typing import Any, Final

from p2pnode.history import Happening, History
from p2pnode.market.rescues.state import RescueState
from p2pnode.node import Node
from p2pnode.ports import RescueEntry, Role, TaskEntry
from p2pnode.protocol.cid import to_cid

FAULTS: Final = frozenset(
    {
        "task.failed",
        "task.failover",
        "task.missed",
        "task.error",
        "award.refused",
        "award.reported",
        "bid.refused",
        "proof.failed",
        "proof.differs",
        "settlement.failed",
        "settlement.unknown",
        "receipt.refused",
        "report.failed",
        "report.sent",
        "report.unanswered",
        "rescue.failed",
        "session.error",
        "session.failed",
        "session.unacknowledged",
        "chain.unreachable",
        "gossip.failed",
    }
)
"""Events that an operator should see."""
_MOST_TASKS: Final = 100
_MOST_FAULTS: Final = 50
_MOST_OFFERS: Final = 100


def overview(node: Node) -> dict[str, Any]:
    """Everything that is known without asking the chain."""
    now, rescues = time.time(), node.store.rescues(Role.WORKER, RescueState)
    return {
        "peer_id": node.network.peer_id,
        "account": f"0x{node.chain.account.hex()}",
        "chain_id": node.chain.chain_id,
        "roles": [role.value for role, part in _parts(node) if part is not None],
        "paused": node.worker.pause.reason if node.worker is not None else "",
        "joining": node.network.joining(),
        "uptime": round(now - node.history.started),
        "addresses": list(node.network.addresses),
        "peers": list(node.network.peers()),
        "workers": _workers(node),
        "models": _models(node),
        "offers": _offers(node),
        "states": {
            **{role.value: dict(node.store.task_counts(role)) for role in Role},
            "rescues": dict(Counter(rescue.state for rescue in rescues)),
        },
        "tasks": [_task(task, node.history) for task in node.store.newest_tasks(_MOST_TASKS)],
        "rescues": [_rescue(rescue) for rescue in rescues[: -_MOST_TASKS - 1 : -1]],
        "totals": {
            role.value: {"tasks": node.totals.of(role).tasks, "amount": str(node.totals.of(role).amount)}
            for role in Role
        },
        "faults": [_fault(happening) for happening in node.history.since() if happening.name in FAULTS][
            -_MOST_FAULTS:
        ],
    }


def task_view(task: TaskEntry) -> dict[str, Any]:
    """One task of the ledger. Digests and addresses are hex with 0x, amounts decimal text."""
    offer, award = task.offer.message, task.award.message if task.award else None
    return {
        "task_id": f"0x{task.task_id.hex()}" if task.task_id else None,
        "offer": f"0x{task.offer_hash.hex()}",
        "role": task.role.value,
        "state": task.state,
        "model": to_cid(offer.model_digest),
        "requester": f"0x{offer.requester.hex()}",
        "worker": f"0x{award.worker.hex()}" if award else None,
        "price_max": str(offer.price_max),
        "price": str(award.price) if award else None,
        "model_fee": str(award.model_fee) if award else None,
        "settle_deadline": offer.settle_deadline,
        "offered": offer.ramp_start,
        "changed": task.changed,
        "reason": task.reason,
    }


def _rescue(rescue: RescueEntry) -> dict[str, Any]:
    """One rescue of this worker, in the forms of `task_view`."""
    award = rescue.award.message
    return {
        "task_id": f"0x{rescue.task_id.hex()}",
        "state": rescue.state,
        "model": to_cid(award.model_digest),
        "requester": f"0x{award.requester.hex()}",
        "worker": f"0x{award.worker.hex()}",
        "price": str(award.price),
        "until": rescue.rescue_until,
        "changed": rescue.changed,
        "reason": rescue.reason,
    }


def progress(steps: list[Happening]) -> str:
    """The newest words on a task's proof: the worker's own, or what it tells its requester."""
    for happening in reversed(steps):
        fields = happening.fields
        if happening.name == "task.progress":
            return str(fields.get("progress", ""))
        if happening.name == "proof.progress":
            remaining = fields.get("remaining")
            left = f", {remaining:.0f} s left" if isinstance(remaining, float) else ""
            return f"{fields.get('step')} {fields.get('index')} of {fields.get('total')}{left}"
    return ""


def _parts(node: Node) -> tuple[tuple[Role, object], ...]:
    return (Role.WORKER, node.worker), (Role.REQUESTER, node.requester)


def _task(task: TaskEntry, history: History) -> dict[str, Any]:
    return {**task_view(task), "progress": progress(history.since(0, task.offer_hash.hex()))}


def _workers(node: Node) -> list[dict[str, Any]]:
    connected = set(node.network.peers())
    return [
        {
            "peer": seen.peer,
            "account": f"0x{seen.heartbeat.account.hex()}",
            "capacity": seen.heartbeat.capacity,
            "load": seen.heartbeat.load,
            "models": len(seen.heartbeat.models),
            "seen": seen.seen,
            "connected": seen.peer in connected,
        }
        for seen in node.presence.nodes()
    ]


def _models(node: Node) -> list[dict[str, Any]]:
    return [
        {
            "name": seen.announcement.name,
            "cid": to_cid(seen.announcement.model_digest),
            "bytes": seen.announcement.size,
            "fee": str(seen.announcement.price),
            "holders": len(node.presence.holders(seen.announcement.model_digest)),
            "seen": seen.seen,
        }
        for seen in reversed(node.presence.models())
    ]


def _offers(node: Node) -> list[dict[str, Any]]:
    return [
        {
            "offer": f"0x{seen.offer_hash.hex()}",
            "peer": seen.peer,
            "model": to_cid(seen.offer.model_digest),
            "price_min": str(seen.offer.price_min),
            "price_max": str(seen.offer.price_max),
            "seen": seen.seen,
            "deadline": seen.offer.result_deadline,
        }
        for seen in node.board.offers()[:_MOST_OFFERS]
    ]


def _fault(happening: Happening) -> dict[str, Any]:
    fields = happening.fields
    words = fields.get("reason") or fields.get("error") or ""
    return {
        "at": happening.at,
        "event": happening.name,
        "task_id": fields.get("task_id"),
        "peer": fields.get("peer"),
        "reason": str(words)[:300],
    }
