"""What the routes ask of the node: models by name, inferences, tasks and receipts."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import trio

from p2pnode.control import ControlHandlers, Emit, SubmitRequest, TaskReport, Wait
from p2pnode.errors import InferenceError, MarketError, P2PNodeError, ProtocolError, StoreError
from p2pnode.history import Happening
from p2pnode.inference import ModelInfo, check_inputs, read_model
from p2pnode.market.state import TaskState
from p2pnode.node import Node
from p2pnode.open_inference import Array, InferRequest
from p2pnode.ports import ModelListing, Role, TaskEntry
from p2pnode.protocol.cid import from_cid, to_cid
from p2pnode.protocol.receipt import Receipt, check_receipt, parse_receipt
from p2pnode.protocol.tensors import decode_tensors, encode_tensors
from p2pnode.verification import proof_steps

_DONE: Final = frozenset({TaskState.ANSWERED, TaskState.SETTLED})
_MOST_MODELS: Final = 64


class NotFoundError(P2PNodeError):
    """Nothing of that name is here."""


class UnservedError(P2PNodeError):
    """The network gave no answer to a task; the message says why."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that this node has or has heard of. `owner` and `fee` are the chain's, once it was asked."""

    digest: bytes
    name: str
    size: int
    holders: int

    @property
    def cid(self) -> str:
        return to_cid(self.digest)


class Service:
    """The node as the API sees it."""

    def __init__(self, node: Node, handlers: ControlHandlers) -> None:
        self.node = node
        self._handlers = handlers
        self._infos: OrderedDict[bytes, ModelInfo] = OrderedDict()

    async def status(self) -> Mapping[str, Any]:
        """As `p2pnode node status` shows it."""
        return await self._handlers.status()

    async def explain(self, name: str) -> Mapping[str, Any]:
        """Why a task of this requester got no bid, and what would get one."""
        return await self._handlers.explain(self.task(name).offer_hash.hex())

    def models(self) -> list[KnownModel]:
        """Models that were announced, the newest first."""
        seen = reversed(self.node.presence.models())
        return [
            KnownModel(
                digest=one.announcement.model_digest,
                name=one.announcement.name,
                size=one.announcement.size,
                holders=len(self.node.presence.holders(one.announcement.model_digest)),
            )
            for one in seen
        ]

    def resolve(self, name: str) -> bytes:
        """The digest of a model by CID, by hex digits, or by a name that one announced model has."""
        digits = name.removeprefix("0x")
        try:
            return bytes.fromhex(digits) if len(digits) == 64 else from_cid(name)
        except (ValueError, ProtocolError):
            pass
        found = [model for model in self.models() if model.name == name]
        if len(found) > 1:
            # Names are hearsay; a stranger may announce another model under the same one.
            raise MarketError(
                f"model {name!r:.80}: {len(found)} models have that name; give a CID: "
                + ", ".join(model.cid for model in found[:8])
            )
        if not found:
            raise NotFoundError(
                f"model {name!r:.80}: nobody announced that name; give its CID, or see /v2/repository/index"
            )
        return found[0].digest

    async def info(self, digest: bytes) -> ModelInfo:
        """A checked description of the model, which is fetched when need be."""
        if digest not in self._infos:
            path: Path = await self._handlers.model(digest)
            _, self._infos[digest] = await trio.to_thread.run_sync(read_model, path)
            if len(self._infos) > _MOST_MODELS:
                self._infos.popitem(last=False)
        return self._infos[digest]

    async def listing(self, digest: bytes) -> ModelListing:
        """What the chain says of a model."""
        found = await self.node.chain.listing(digest)
        if found is None:
            raise NotFoundError(f"model {to_cid(digest)} is not registered on this chain; publish it first")
        return found

    async def infer(
        self, digest: bytes, request: InferRequest, emit: Emit
    ) -> tuple[TaskReport, dict[str, Array]]:
        """Have one task run. Raises UnservedError when nobody answered."""
        submit = self._submission(digest, await self.encoded(digest, request), request)
        (report,) = await self._handlers.submit(submit, emit)
        if report.state not in _DONE or not report.output:
            raise UnservedError(f"the task is {report.state}: {report.reason or 'no reason is known'}")
        return report, decode_tensors(report.output)

    async def encoded(self, digest: bytes, request: InferRequest) -> bytes:
        """The request's input tensors, which fit the model, encoded. Raises InferenceError."""
        info = await self.info(digest)
        tensors = {
            spec.name: request.inputs[spec.name] for spec in info.inputs if spec.name in request.inputs
        }
        if len(tensors) != len(request.inputs):
            tensors = dict(request.inputs)
        check_inputs(info.inputs, tensors)
        info.check_run({name: array.shape for name, array in tensors.items()})
        return encode_tensors(tensors)

    def _submission(self, digest: bytes, tensors: bytes, request: InferRequest) -> SubmitRequest:
        most = amount(request.parameters, "price_max", self.node.config.api.price_max)
        least = amount(request.parameters, "price_min", 0)
        wait = request.parameters.get("wait", Wait.ANSWERED)
        if wait not in list(Wait):
            raise InferenceError(f"parameters.wait is {wait!r:.40}; give answered or settled")
        if least > most:
            raise InferenceError(f"parameters.price_min is {least}, above price_max {most}")
        label = request.request_id or "api"
        return SubmitRequest(digest, (tensors,), (label,), least, most, Wait(wait))

    def tasks(self, most: int = 200) -> list[TaskEntry]:
        """Tasks of both roles, the newest first."""
        return self.node.store.newest_tasks(most)

    def task(self, name: str) -> TaskEntry:
        """A task by its ID or its offer's hash, in hex."""
        try:
            digest = bytes.fromhex(name.removeprefix("0x"))
        except ValueError:
            digest = b""
        if len(digest) == 32:
            for role in Role:
                found = self.node.store.task_by_id(role, digest) or self.node.store.task(role, digest)
                if found is not None:
                    return found
        raise NotFoundError(f"task {name!r:.80} is not in this node's ledger; give its ID, 64 hex digits")

    def timeline(self, task: TaskEntry) -> list[Happening]:
        """The way that a task took since the node's start."""
        return self.node.history.since(0, task.offer_hash.hex())

    def receipt(self, task_id: bytes) -> str:
        """The receipt's JSON text."""
        text = self.node.store.receipt(task_id)
        if text is None:
            raise NotFoundError(f"task {task_id.hex()} has no receipt yet; it comes with the settlement")
        return text

    async def verify(self, task_id: bytes) -> list[dict[str, Any]]:
        """Check a receipt again here, proof and all; one entry a check. Stops at one that fails."""
        text = self.receipt(task_id)
        checks: list[dict[str, Any]] = []

        def note(what: str, problem: str = "") -> None:
            checks.append({"check": what, "ok": not problem, "problem": problem})

        what = "requester and worker signed, and the task is in the proved batch"
        try:
            receipt: Receipt = parse_receipt(text)
            claim = check_receipt(receipt)
            note(what)
            if self.node.prover is None:
                raise StoreError("there is no prover on this machine; `p2pnode prover build` makes one")
            for what, run in proof_steps(claim, self.node.prover):
                await run()
                note(what)
        except P2PNodeError as error:
            note(what, str(error))
        return checks


def amount(parameters: Mapping[str, Any], name: str, default: int) -> int:
    """An amount among a request's parameters, as a whole number or its text. Raises InferenceError."""
    value = parameters.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 30:
        value = int(value)
    if type(value) is not int or not 0 <= value < 1 << 96:
        raise InferenceError(
            f"parameters.{name} is {value!r:.40}; give the smallest unit of JOY as a whole number or its text"
        )
    return value
