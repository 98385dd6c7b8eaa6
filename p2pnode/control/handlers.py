"""What a node answers on its control socket; `app` fills the tables.

A handler raises P2PNodeError to refuse. It is cancelled when its client goes away, so work that must outlive
the client belongs in the node's own nursery.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from p2pnode.control.messages import Calls, Emit, Json, OpenSession, PublishRequest, SubmitRequest, TaskReport


@dataclass(frozen=True, slots=True)
class SessionHandlers:
    """What a node does with sessions. A session is told of as `p2pnode.session_handlers` has it."""

    start: Callable[[OpenSession], Awaitable[Mapping[str, Json]]]
    """Open a session with the first worker that takes it."""
    calls: Callable[[Calls, Emit], Awaitable[Mapping[str, Json]]]
    """Make calls one after the other, each told of as `call.answered`."""
    close: Callable[[bytes], Awaitable[Mapping[str, Json]]]
    """Acknowledge the last answer and ask for no more; an ended one stays as it is."""
    settle: Callable[[bytes], Awaitable[Mapping[str, Json]]]
    """Pay for an ended one now, at this node's own gas."""
    all: Callable[[], Awaitable[Sequence[Mapping[str, Json]]]]
    """Every session of this node, as requester and as worker, oldest first."""


@dataclass(frozen=True, slots=True)
class ControlHandlers:
    """Everything that a node answers."""

    submit: Callable[[SubmitRequest, Emit], Awaitable[Sequence[TaskReport]]]
    """Offer, award, and wait as asked, one report for each input in order. Emits market events whose
    fields name the `task` by its index."""
    model: Callable[[bytes], Awaitable[Path]]
    """Local path of a model by digest, fetched from peers when need be."""
    publish: Callable[[PublishRequest], Awaitable[bytes]]
    """Keep, serve and announce a model; returns its digest."""
    status: Callable[[], Awaitable[Mapping[str, Json]]]
    """peer_id, account, peers, listen, tasks by state and whatever else helps an operator."""
    overview: Callable[[], Awaitable[Mapping[str, Json]]]
    """The node at a glance, for a screen that shows it."""
    receipts: Callable[[], Awaitable[Sequence[bytes]]]
    """Task IDs with a receipt, newest first."""
    receipt: Callable[[bytes], Awaitable[str | None]]
    """A receipt's JSON text."""
    explain: Callable[[str], Awaitable[Mapping[str, Json]]]
    """Why an offer got no bid; takes the beginning of its hash in hex."""
    resume: Callable[[], Awaitable[str]]
    """Let a paused worker bid again; why it had paused, empty if it had not."""
    relayers: Callable[[], Awaitable[Sequence[Mapping[str, Json]]]]
    """Offers to relay private transactions, cheapest first: peer, account, fee in units."""
    relay: Callable[[str, bytes], Awaitable[bytes]]
    """Have a peer submit an encoded JSC transaction; its hash on the chain."""
    sessions: SessionHandlers
    """What `p2pnode session` asks for."""
    shutdown: Callable[[], Awaitable[None]]
    """Begin to end the node."""
