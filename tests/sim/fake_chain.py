"""A chain in memory: it checks signatures, nonces, escrow and the journal as ProofOfInference does."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from p2pnode.errors import ChainError
from p2pnode.ports import ModelListing, NodeRecord, SettlementOutcome
from p2pnode.protocol.eip712 import Domain, digest, verify
from p2pnode.protocol.journal import journal_of, leaf
from p2pnode.protocol.messages import Award, Signed
from tests.sim.fake_clock import FakeClock
from tests.sim.fake_compute import seal_of

TOKEN = b"\x70" * 20
CONTRACT = b"\xc0" * 20
MODEL_OWNER = b"\x0e" * 20


@dataclass
class World:
    """The chain: what all nodes see, and what settleBatch did."""

    chain_id: int = 31337
    listings: dict[bytes, ModelListing] = field(default_factory=dict)
    nodes: dict[bytes, NodeRecord] = field(default_factory=dict)
    escrow: dict[bytes, int] = field(default_factory=dict)
    balances: dict[bytes, int] = field(default_factory=lambda: defaultdict(int))
    nonces: set[tuple[bytes, int]] = field(default_factory=set)
    sent: dict[str, SettlementOutcome] = field(default_factory=dict)
    down: bool = False

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, CONTRACT)


class FakeChain:
    """One account's view of a World."""

    settlement_address = CONTRACT
    token_address = TOKEN

    def __init__(self, world: World, account: bytes) -> None:
        self._world = world
        self.account = account

    @property
    def chain_id(self) -> int:
        return self._world.chain_id

    async def listing(self, model_digest: bytes) -> ModelListing | None:
        await self._reach()
        return self._world.listings.get(model_digest)

    async def node(self, account: bytes) -> NodeRecord | None:
        await self._reach()
        return self._world.nodes.get(account)

    async def free_escrow(self, requester: bytes) -> int:
        await self._reach()
        return self._world.escrow.get(requester, 0)

    async def is_nonce_used(self, requester: bytes, nonce: int) -> bool:
        await self._reach()
        return (requester, nonce) in self._world.nonces

    async def settle_batch(
        self, awards: Sequence[Signed[Award]], output_digests: Sequence[bytes], seal: bytes, key: str
    ) -> SettlementOutcome:
        await self._reach()
        world = self._world
        if key in world.sent:
            return world.sent[key]
        ids = [digest(world.domain, signed.message) for signed in awards]
        leaves = [
            leaf(task_id, signed.message.model_digest, signed.message.input_digest, output)
            for task_id, signed, output in zip(ids, awards, output_digests, strict=True)
        ]
        if seal != seal_of(journal_of(leaves).encode()):
            raise ChainError("settleBatch reverted: VerificationFailed()")
        settled, skipped = [], {}
        for task_id, signed in zip(ids, awards, strict=True):
            reason = self._pay(signed)
            if reason:
                skipped[task_id] = reason
            else:
                settled.append(task_id)
        transaction = hashlib.sha256(key.encode()).digest()
        world.sent[key] = SettlementOutcome(transaction, 9_000_000, len(world.sent), tuple(settled), skipped)
        return world.sent[key]

    def _pay(self, signed: Signed[Award]) -> str:
        world, award = self._world, signed.message
        verify(world.domain, signed)
        cost = award.price + award.model_fee
        if (award.requester, award.nonce) in world.nonces:
            return "NonceUsed"
        if award.settle_deadline < FakeClock().now():
            return "Expired"
        if world.escrow.get(award.requester, 0) < cost:
            return "InsufficientEscrow"
        world.nonces.add((award.requester, award.nonce))
        world.escrow[award.requester] -= cost
        world.balances[award.worker] += award.price
        world.balances[MODEL_OWNER] += award.model_fee
        return ""

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._world.down:
            raise ChainError("the chain cannot be reached")
