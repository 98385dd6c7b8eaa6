"""What a node answers on its control socket, and to whatever else serves it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from p2pnode.control import ControlHandlers, Emit, PublishRequest, SubmitRequest, TaskReport
from p2pnode.errors import MarketError
from p2pnode.market.settings import Terms
from p2pnode.market.state import OPEN, TaskState
from p2pnode.node import MAX_MODEL_BYTES, Node
from p2pnode.overview import overview
from p2pnode.ports import Role
from p2pnode.protocol.messages import ModelAnnouncement
from p2pnode.session_handlers import NodeSessions
from p2pnode.submissions import Submissions, explanation_json


class Handlers:
    """The calls of one open node. Submissions run in `nursery`; `stopped` is set when the node is to end."""

    def __init__(self, node: Node, nursery: trio.Nursery) -> None:
        self._node = node
        self.stopped = trio.Event()
        wants = node.config.requester
        terms = Terms(
            price_min=0,
            price_max=0,
            result_seconds=wants.result_seconds,
            settle_seconds=wants.settle_seconds,
            min_stake=wants.min_stake,
        )
        self._submissions = (
            Submissions(node.requester, node.events, nursery, terms) if node.requester is not None else None
        )

    def table(self) -> ControlHandlers:
        """The handlers by name."""
        return ControlHandlers(
            submit=self._submit,
            model=self._model,
            publish=self._publish,
            status=self._status,
            overview=self._overview,
            receipts=self._receipts,
            receipt=self._receipt,
            explain=self._explain,
            resume=self._resume,
            relayers=self._relayers,
            relay=self._node.relays.relay,
            sessions=NodeSessions(self._node).table(),
            shutdown=self._shutdown,
        )

    async def _submit(self, request: SubmitRequest, emit: Emit) -> Sequence[TaskReport]:
        if self._submissions is None:
            raise MarketError("requester.enabled is false on this node; set it to true to submit tasks")
        return await self._submissions.submit(request, emit)

    async def _model(self, digest: bytes) -> Path:
        holders = self._node.presence.holders(digest)
        return await self._node.network.blobs.get(digest, max_size=MAX_MODEL_BYTES, peers=holders)

    async def _publish(self, request: PublishRequest) -> bytes:
        size = (await trio.Path(request.path).stat()).st_size
        if size > MAX_MODEL_BYTES:
            raise MarketError(f"{request.path} has {size} bytes; a model has at most {MAX_MODEL_BYTES}")
        data = await trio.Path(request.path).read_bytes()
        digest = await self._node.network.blobs.put(data)
        await self._node.presence.announce(
            ModelAnnouncement(digest, len(data), self._node.chain.account, request.price, request.name)
        )
        self._node.events("model.announced", model=digest.hex(), size=len(data), name=request.name)
        return digest

    async def _status(self) -> Mapping[str, Any]:
        node = self._node
        return {
            "peer_id": node.network.peer_id,
            "account": "0x" + node.chain.account.hex(),
            "listen": list(node.network.addresses),
            "peers": list(node.network.peers()),
            "joining": node.network.joining(),
            "reachability": node.network.reachability.words(),
            "reachable": node.network.reachability.verdict.value,
            "relays": node.network.relays(),
            "nodes": [
                {"peer": seen.peer, "capacity": seen.heartbeat.capacity, "load": seen.heartbeat.load}
                for seen in node.presence.nodes()
            ],
            "paused": node.worker.pause.reason if node.worker is not None else "",
            "models": [seen.announcement.name for seen in node.presence.models()],
            "open_tasks": {
                role.value: Counter(task.state for task in node.store.tasks(role, OPEN[role]))
                for role in Role
            },
        }

    async def _overview(self) -> Mapping[str, Any]:
        return overview(self._node)

    async def _receipts(self) -> Sequence[bytes]:
        return self._node.store.receipts()

    async def _receipt(self, task_id: bytes) -> str | None:
        return self._node.store.receipt(task_id)

    async def _explain(self, offer: str) -> Mapping[str, Any]:
        if self._node.requester is None:
            raise MarketError("requester.enabled is false on this node; ask the node that made the offer")
        found = [
            task.offer_hash
            for task in self._node.store.tasks(Role.REQUESTER, TaskState)
            if task.offer_hash.hex().startswith(offer.lower().removeprefix("0x"))
        ]
        if len(found) != 1:
            raise MarketError(f"offer {offer!r:.80}: {len(found)} offers begin so; give more of the hash")
        return explanation_json(await self._node.requester.explainer.explain(found[0]))

    async def _resume(self) -> str:
        worker = self._node.worker
        if worker is None:
            raise MarketError("worker.enabled is false on this node; there is nothing to resume")
        reason = worker.pause.reason
        worker.pause.succeeded()
        return reason

    async def _relayers(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"peer": seen.peer, "account": "0x" + seen.offer.account.hex(), "fee": str(seen.offer.fee)}
            for seen in self._node.relays.offers()
        ]

    async def _shutdown(self) -> None:
        self.stopped.set()
