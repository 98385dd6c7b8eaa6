"""A wallet at work on a chain: sync, deposit, pay, sign and submit. What the command line and programs use.

Every payment is remembered in the wallet file before it leaves, so that neither a crash nor a second command
spends its notes again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from p2pnode.errors import ConfigError
from p2pnode.jsc.builder import Built, Plan, build
from p2pnode.jsc.keys import Address, ViewKeys
from p2pnode.jsc.notes import Payee, StealthNote, context, make
from p2pnode.jsc.pool import Pool
from p2pnode.jsc.sending import Moment, Planned, plan, plan_sweep
from p2pnode.jsc.sync import PoolSource, Progress, sync
from p2pnode.jsc.transaction import Payment, Transaction
from p2pnode.jsc.wallet import Balance, Book, Owned, SentNote, Wallet
from p2pnode.jsc.wallet_file import SCRYPT_N, Position, WalletFile

DEADLINE_SECONDS: Final = 3600
"""How long a signed transaction counts."""
NOBODY: Final = bytes(20)


class PoolChain(PoolSource, Protocol):
    """The pool's contract, for reading."""

    async def new_pool(self) -> Pool:
        """An empty picture of the pool."""

    async def now(self) -> int:
        """Time of the newest block, seconds UTC."""


Submit = Callable[[Transaction], Awaitable[None]]
"""Brings a signed transaction to the chain: by a relayer, or by paying its gas."""


@dataclass(slots=True)
class JscAccount:
    """An open wallet and the chain it lives on."""

    chain: PoolChain
    file: WalletFile
    wallet: Wallet
    position: Position

    def save(self) -> None:
        """Keep the wallet as it is."""
        self.file.save(self.wallet, self.position)

    async def sync(self, progress: Progress | None = None) -> list[Owned]:
        """Read what is new on the chain; returns the notes that came."""
        return await sync(
            self.wallet,
            self.position,
            self.chain,
            save=self.save,
            truncated=self.file.truncated,
            progress=progress,
        )

    async def moment(self) -> Moment:
        """The block a transaction sent now would be in, and the chain's time."""
        return Moment(await self.chain.head() + 1, await self.chain.now())

    async def balance(self) -> Balance:
        moment = await self.moment()
        return self.wallet.balance(moment.block, moment.now)

    async def payment(
        self,
        *,
        amount: int = 0,
        recipient: bytes = NOBODY,
        to_escrow: bool = False,
        fee: int = 0,
        relayer: bytes = NOBODY,
    ) -> Payment:
        """The public part of a transaction sent now."""
        if amount and not any(recipient):
            raise ConfigError("joy_address is missing; give the address that receives the withdrawal")
        if fee and not any(relayer):
            raise ConfigError("a fee needs a relayer; choose one, or set the fee to 0")
        deadline = await self.chain.now() + DEADLINE_SECONDS
        return Payment(fee, relayer, amount, recipient, to_escrow, deadline)

    async def plan(self, payees: Sequence[Payee], payment: Payment) -> Planned:
        """Choose notes and rings; nothing is signed or sent."""
        planned = plan(self.wallet, payees, payment, await self.moment())
        self.save()
        return planned

    async def plan_sweep(self, payee: Payee | None, payment: Payment) -> Planned:
        """As `plan`, for up to four whole notes."""
        planned = plan_sweep(self.wallet, payee, payment, await self.moment())
        self.save()
        return planned

    def sign(self, made: Plan) -> Built:
        """Sign with this wallet's seed, and remember what proves the payments."""
        built = build(made, self.wallet.spend_key(), self.wallet.views.outgoing)
        self.remember(built)
        return built

    def remember(self, built: Built) -> None:
        """Keep the notes of a signed transaction from being spent again, and what proves its payments."""
        transaction = built.transaction
        self.wallet.submitted((spent.image for spent in transaction.inputs), transaction.payment.deadline)
        for note, payee, anchor in zip(transaction.outputs, built.payees, built.anchors, strict=True):
            self.wallet.book.sent.append(SentNote(note.key, payee.address, payee.amount, anchor))
        self.save()

    def deposit_notes(self, address: Address, amounts: Sequence[int]) -> list[StealthNote]:
        """Notes for a deposit to `address`, one for each amount in units."""
        pool, made = self.wallet.pool, []
        tied = context(pool.chain_id, pool.address, None)
        for amount in amounts:
            payee = Payee(address, amount)
            note, _, anchor = make(payee, tied, self.wallet.views.outgoing, deposit=True)
            self.wallet.book.sent.append(SentNote(note.key, address, amount, anchor))
            made.append(note)
        self.save()
        return made


async def create_account(
    chain: PoolChain,
    folder: Path,
    password: str,
    keys: tuple[ViewKeys, int | None],
    *,
    restore_block: int = 0,
    scrypt_n: int = SCRYPT_N,
) -> JscAccount:
    """Write a new wallet for `keys` (views, and the spend key unless view-only) into `folder`."""
    views, spend = keys
    wallet = Wallet(views, spend, await chain.new_pool(), Book(restore_block))
    file = WalletFile.create(folder, password, wallet, scrypt_n=scrypt_n)
    return JscAccount(chain, file, wallet, Position([], 0))


async def open_account(
    chain: PoolChain, folder: Path, password: str, *, scrypt_n: int = SCRYPT_N
) -> JscAccount:
    """Open the wallet in `folder`. ConfigError when it is missing, locked by another password, or foreign."""
    file, wallet, position = WalletFile.open(folder, password, await chain.new_pool(), scrypt_n=scrypt_n)
    return JscAccount(chain, file, wallet, position)


def view_only(views: ViewKeys, *, outgoing: bool) -> ViewKeys:
    """The view keys, with or without the one for outgoing payments."""
    return views if outgoing else replace(views, outgoing=None)
