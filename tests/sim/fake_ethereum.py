"""An Ethereum node in memory that runs what settles and reports awards by the rules of `World`.

The chain adapter's own Sender and Settlement talk to it in JSON-RPC, so that what the ledger holds of
transactions is tested as well: nonces, the pool, replaced transactions, blocks, receipts, reorganisations.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import trio
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from p2pnode.chain.endpoint import RpcError
from p2pnode.chain.rpc import hexed, unhexed
from p2pnode.chain.settlement import SKIP_REASONS
from p2pnode.errors import ChainError
from p2pnode.protocol.eip712 import digest
from tests.sim.contract_abi import Batch, Closing, Missed, Proving, Rescue, Unproved, decode, log
from tests.sim.fake_chain import World, settle_batch
from tests.sim.fake_rescues import prove_batch, rescue
from tests.sim.fake_sessions import SessionSettlement, settle_session

BLOCK_SECONDS: Final = 2
DEEPEST_REORGANISATION: Final = 30
"""Blocks; what is deeper is final."""
SELECTOR: Final = b"\x5e\x1e\xc7\x0a"
GAS: Final = 9_000_000


@dataclass
class Pending:
    """A transaction that waits for a block."""

    sender: bytes
    nonce: int
    fee: int
    data: bytes
    tx_hash: bytes
    since: float


@dataclass
class Block:
    """A block's transactions, and the state before it for a reorganisation."""

    number: int
    pending: list[Pending]
    before: tuple[Any, ...]


@dataclass
class FakeEthereum:
    """The chain: state in `world`, one block each BLOCK_SECONDS of the test's time, made when asked."""

    world: World
    pool: dict[tuple[bytes, int], Pending] = field(default_factory=dict)
    counts: dict[bytes, int] = field(default_factory=dict)
    receipts: dict[bytes, Mapping[str, Any]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    height: int = 1
    sent: int = 0
    read_seconds: float = 0.0

    def answer(self, method: str, params: list[Any]) -> Any:
        """The result of one JSON-RPC call. Raises RpcError as a node's error object."""
        self.make_blocks()
        return getattr(self, f"_{method}")(*params)

    def reorganise(self, *, forget: bool = False) -> None:
        """Undo the newest block that has a transaction, unless it is final.

        With `forget` its transactions do not come back to the pool."""
        if not self.blocks or self.height - self.blocks[-1].number > DEEPEST_REORGANISATION:
            return
        block = self.blocks.pop()
        self._restore(block.before)
        if not forget:
            for pending in block.pending:
                self.pool[pending.sender, pending.nonce] = pending

    def make_blocks(self) -> None:
        """Make what is due by now."""
        height = int(trio.current_time() / BLOCK_SECONDS) + 1
        if height > self.height:
            self._mine(height)
            self.height = height

    def _mine(self, height: int) -> None:
        before, taken = self._state(), []
        for key in sorted(self.pool, key=lambda key: key[1]):
            pending = self.pool[key]
            # What came in since the last block boundary waits for the next one.
            if (
                pending.nonce == self.counts.get(pending.sender, 0)
                and pending.since < (height - 1) * BLOCK_SECONDS
            ):
                taken.append(self.pool.pop(key))
                self.counts[pending.sender] = pending.nonce + 1
                self._execute(pending, height)
        if taken:
            self.blocks.append(Block(height, taken, before))

    def _execute(self, pending: Pending, height: int) -> None:
        logs: list[Mapping[str, Any]] = []
        status = "0x1"
        try:
            logs = self._run(self.world, pending.sender, pending.data, pending.tx_hash, height)
        except ChainError:
            status = "0x0"
        self.receipts[pending.tx_hash] = {
            "blockNumber": hex(height),
            "gasUsed": hex(GAS),
            "effectiveGasPrice": hex(10**9),
            "status": status,
            "logs": logs,
        }

    def _run(
        self, world: World, sender: bytes, data: bytes, tx_hash: bytes, height: int
    ) -> list[Mapping[str, Any]]:
        match decode(data):
            case Batch() as batch:
                return self._settle(world, batch, tx_hash, height)
            case Missed(papers):
                world.report_missed(papers, sender)
            case Proving(count, root, seal):
                prove_batch(world, count, root, seal[4:])
            case Rescue() as call:
                rescue(world, call)
                return [
                    log(
                        "AwardRescued",
                        tx_hash,
                        height,
                        taskId=digest(world.domain, call.award),
                        requester=call.award.requester,
                        rescuer=call.rescuer,
                        outputDigest=call.output_digest,
                    )
                ]
            case Unproved(award, result):
                world.report_unproved(award, result, sender)
            case Closing(award):
                world.close(award)
            case SessionSettlement() as call:
                settle_session(world, call)
        return []

    def _settle(self, world: World, batch: Batch, tx_hash: bytes, height: int) -> list[Mapping[str, Any]]:
        if batch.seal[:4] != SELECTOR:
            raise ChainError("settleBatch reverted: unknown verifier")
        results = settle_batch(world, batch.awards, batch.outputs, batch.seal[4:], batch.credit)
        logs = [log("BatchVerified", tx_hash, height, journalDigest=bytes(32), count=len(batch.awards))]
        for (task_id, reason), signed, output in zip(results, batch.awards, batch.outputs, strict=True):
            award = signed.message
            if reason:
                logs.append(
                    log("AwardSkipped", tx_hash, height, taskId=task_id, reason=SKIP_REASONS.index(reason))
                )
            else:
                logs.append(
                    log(
                        "AwardSettled",
                        tx_hash,
                        height,
                        taskId=task_id,
                        requester=award.requester,
                        worker=award.worker,
                        modelDigest=award.model_digest,
                        price=award.price,
                        modelFee=award.model_fee,
                        protocolFee=0,
                        outputDigest=output,
                    )
                )
        return logs

    def _state(self) -> tuple[Any, ...]:
        world = self.world
        return copy.deepcopy(
            (
                world.escrow,
                world.balances,
                world.credits,
                world.nonces,
                world.sent,
                world.reports,
                world.slashed,
                world.proved,
                world.rescued,
                world.paid_calls,
                world.session_settlements,
                self.counts,
                self.receipts,
            )
        )

    def _restore(self, state: tuple[Any, ...]) -> None:
        world = self.world
        (
            world.escrow,
            world.balances,
            world.credits,
            world.nonces,
            world.sent,
            world.reports,
            world.slashed,
            world.proved,
            world.rescued,
            world.paid_calls,
            world.session_settlements,
            self.counts,
            self.receipts,
        ) = state

    def _eth_blockNumber(self) -> str:
        return hex(self.height)

    def _eth_getBlockByNumber(self, number: str, full: bool) -> Mapping[str, str]:
        return {"baseFeePerGas": hex(10**9), "number": hex(self.height), "timestamp": "0x0"}

    def _eth_maxPriorityFeePerGas(self) -> str:
        return hex(10**9)

    def _eth_getTransactionCount(self, account: str, block: str) -> str:
        count = self.counts.get(unhexed(account), 0)
        while block == "pending" and (unhexed(account), count) in self.pool:
            count += 1
        return hex(count)

    def _eth_getLogs(self, query: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        found = [log for receipt in self.receipts.values() for log in receipt["logs"]]
        return [log for log in found if log["topics"][: len(query["topics"])] == query["topics"]]

    def _eth_call(self, fields: Mapping[str, str], block: str) -> str:
        return hexed(SELECTOR.ljust(32, b"\0"))

    def _eth_estimateGas(self, fields: Mapping[str, str]) -> str:
        try:
            sender, data = unhexed(fields["from"]), unhexed(fields["data"])
            self._run(copy.deepcopy(self.world), sender, data, bytes(32), self.height)
        except ChainError as error:
            raise RpcError("eth_estimateGas", str(error), b"") from error
        return hex(GAS)

    def _eth_sendRawTransaction(self, raw: str) -> str:
        fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        sender = unhexed(Account.recover_transaction(raw))
        pending = Pending(
            sender,
            int(fields["nonce"]),
            int(fields["maxFeePerGas"]),
            bytes(HexBytes(fields["data"])),
            keccak(unhexed(raw)),
            trio.current_time(),
        )
        if pending.nonce < self.counts.get(sender, 0):
            raise RpcError("eth_sendRawTransaction", "nonce too low", b"")
        other = self.pool.get((sender, pending.nonce))
        if other is not None and other.tx_hash == pending.tx_hash:
            raise RpcError("eth_sendRawTransaction", "already known", b"")
        if other is not None and pending.fee < other.fee * 1.1:
            raise RpcError("eth_sendRawTransaction", "replacement transaction underpriced", b"")
        self.pool[sender, pending.nonce] = pending
        self.sent += 1
        return hexed(pending.tx_hash)

    def _eth_getTransactionReceipt(self, tx_hash: str) -> Mapping[str, Any] | None:
        return self.receipts.get(unhexed(tx_hash))
