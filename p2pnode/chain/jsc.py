"""JSC and JSCBridge: the pool's events, deposits and transactions. Implements `jsc.sync.PoolSource`."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from eth_abi.abi import encode

from p2pnode.amounts import JSC_UNIT
from p2pnode.chain.call import Call, Sends
from p2pnode.chain.contract import Contract, Event
from p2pnode.chain.events import read_events
from p2pnode.chain.rpc import Rpc, TxReceipt, open_rpc
from p2pnode.chain.sender import Sender
from p2pnode.chain.token import Token
from p2pnode.config import ChainConfig
from p2pnode.errors import ChainError
from p2pnode.identity import Account
from p2pnode.jsc.bn254 import Affine
from p2pnode.jsc.notes import StealthNote
from p2pnode.jsc.pool import Pool, PoolEvent
from p2pnode.jsc.transaction import Payment, Transaction, note_abi
from p2pnode.ports import TxLog


class Jsc:
    """Calls of the bridge and the pool for the sender's account; amounts in units."""

    def __init__(
        self,
        rpc: Rpc,
        pool: Contract,
        bridge: Contract,
        token: Token,
        sender: Sends,
        chain_id: int,
        confirmations: int,
    ) -> None:
        self._rpc = rpc
        self._pool = pool
        self._bridge = bridge
        self._token = token
        self._sender = sender
        self._chain_id = chain_id
        self._confirmations = confirmations

    async def new_pool(self) -> Pool:
        """An empty picture of the pool, to be filled from its events."""
        min_age = int(await self._pool.read("minAge"))
        return Pool(self._chain_id, self._pool.address, min_age, int(await self._pool.read("genesisBlock")))

    async def head(self) -> int:
        """See `jsc.sync.PoolSource`."""
        return await self._rpc.block_number() - self._confirmations + 1

    async def now(self) -> int:
        """Time of the newest block, seconds UTC."""
        return await self._rpc.block_time()

    async def block_hash(self, block: int) -> bytes | None:
        """See `jsc.sync.PoolSource`."""
        return await self._rpc.block_hash(block)

    async def pool_events(self, first: int, last: int) -> Sequence[PoolEvent]:
        """See `jsc.sync.PoolSource`."""
        return [_event(event) for event in await read_events(self._rpc, [self._pool], first, last)]

    async def outstanding(self) -> int:
        """Units that the bridge holds JOY for."""
        return int(await self._bridge.read("outstanding"))

    async def is_spent(self, image: Affine) -> bool:
        return bool(await self._pool.read("isSpent", image))

    async def deposit(self, notes: Sequence[StealthNote], amounts: Sequence[int], key: str) -> TxReceipt:
        """Turn JOY of the account into notes."""
        arguments = ([note_abi(note) for note in notes], list(amounts))
        call = Call(self._bridge, "deposit", arguments)
        return await self._token.spend(self._bridge, call, sum(amounts) * JSC_UNIT, key)

    @property
    def bridge(self) -> bytes:
        """Address of the bridge, the target of payouts into the pool."""
        return self._bridge.address

    async def relay(self, transaction: Transaction) -> bytes:
        """See `relay.PoolSender`."""
        message = transaction.message(self._chain_id, self._pool.address)
        return (await self.transact(transaction, f"relay/{message.hex()}")).tx_hash

    async def transact(self, transaction: Transaction, key: str) -> TxReceipt:
        """Submit a signed transaction and pay its gas. ChainError when the pool refuses it."""
        return await self._sender.send(Call(self._pool, "transact", (transaction.abi(),)), key)


def stealth_address(note: StealthNote) -> bytes:
    """A note as `IPayoutTarget.depositFor` of the bridge takes it."""
    return encode(["((uint256,uint256),uint256[],bytes)"], [note_abi(note)])


@asynccontextmanager
async def open_jsc(config: ChainConfig, account: Account, bridge: bytes, ledger: TxLog) -> AsyncIterator[Jsc]:
    """The JSCBridge at `bridge` and its pool, for programs without a deployment file. Raises ChainError."""
    async with open_rpc(config.rpc_urls, config.timeout_seconds) as rpc:
        if not await rpc.code(bridge):
            raise ChainError(f"bridge_address: no contract at 0x{bridge.hex()}; give that of JSCBridge")
        chain_id = await rpc.chain_id()
        sender = Sender(rpc, chain_id, account, ledger, config)
        await sender.resume()
        contract = Contract(rpc, "JSCBridge", bridge)
        token = Token(Contract(rpc, "JoyToken", bytes(await contract.read("token"))), sender)
        pool = Contract(rpc, "JSC", bytes(await contract.read("pool")))
        yield Jsc(rpc, pool, contract, token, sender, chain_id, config.confirmations)


def _event(event: Event) -> PoolEvent:
    arguments = event.arguments
    if event.name == "NotesDeposited":
        notes, amounts = arguments["notes"], arguments["amounts"]
        images: Sequence[Any] = ()
        commitments: Sequence[Any] = ()
        payment = None
    elif event.name == "Transacted":
        notes, amounts = arguments["outputs"], ()
        images, commitments = arguments["images"], arguments["commitments"]
        payment = _payment(arguments["payment"])
    else:
        raise ChainError(f"JSC emitted {event.name}, which this version does not know; update p2pnode")
    return PoolEvent(
        event.block,
        event.tx_hash,
        arguments["first"],
        tuple(_note(note) for note in notes),
        tuple(amounts),
        tuple(_point(image) for image in images),
        tuple(_point(commitment) for commitment in commitments),
        payment,
    )


def _note(raw: Any) -> StealthNote:
    return StealthNote(_point(raw["key"]), tuple(raw["roots"]), bytes(raw["memo"]))


def _point(raw: Any) -> Affine:
    return raw["x"], raw["y"]


def _payment(raw: Any) -> Payment:
    return Payment(
        raw["fee"], raw["relayer"], raw["amount"], raw["recipient"], raw["toEscrow"], raw["deadline"]
    )
