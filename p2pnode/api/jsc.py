"""JSCBridge for programs: JOY into private notes, and out of them."""

import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import trio

from p2pnode.amounts import JSC_UNIT
from p2pnode.api.arguments import parse_address
from p2pnode.chain import MemoryTxLog, TxReceipt
from p2pnode.chain.jsc import Jsc, open_jsc
from p2pnode.config import ChainConfig
from p2pnode.errors import ConfigError
from p2pnode.identity import PASSWORD_ENV, Account
from p2pnode.jsc import codec
from p2pnode.jsc.account import JscAccount, create_account, open_account
from p2pnode.jsc.builder import Built
from p2pnode.jsc.keys import Address, SpendKeys, new_phrase
from p2pnode.jsc.notes import Payee
from p2pnode.jsc.sending import denominations
from p2pnode.jsc.wallet_file import WALLET

T = TypeVar("T")
KEY_ENV = "P2PNODE_PRIVATE_KEY"
DEFAULT_WALLET = Path("~/.p2pnode/jsc")


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A signed withdrawal that has not been sent. `jsc_tx_hash` names it for `withdraw_jsc`."""

    jsc_tx_hash: str
    warnings: tuple[str, ...]


class JSCBridge:
    """The bridge at `bridge_address`, for the account of `private_key` (hex; else that of
    P2PNODE_PRIVATE_KEY) and the JSC wallet in the folder `wallet`.

    Amounts are in the smallest unit of JOY and must be multiples of 10^9. Every call opens the chain, does
    one thing, waits for its transaction and closes. The wallet's password is `password`, else that of
    P2PNODE_PASSWORD. Raises ChainError with the contract's reason, ConfigError for a bad argument or for a
    balance that is too low.
    """

    def __init__(
        self,
        bridge_address: str | bytes,
        private_key: str | None = None,
        *,
        wallet: str | Path = DEFAULT_WALLET,
        password: str | None = None,
        rpc_url: str = "http://127.0.0.1:8545",
    ) -> None:
        self._address = parse_address(bridge_address, "bridge_address")
        key = private_key if private_key is not None else os.environ.get(KEY_ENV)
        if not key:
            raise ConfigError(f"private_key is missing; give it, or set {KEY_ENV}")
        self._account = Account.from_hex(key)
        self._folder = Path(wallet).expanduser()
        self._password = password if password is not None else os.environ.get(PASSWORD_ENV, "")
        self._config = replace(ChainConfig(), rpc_url=rpc_url, poll_seconds=0.25)
        self._ledger = MemoryTxLog()

    def create_wallet(self, phrase: str | None = None) -> str:
        """Make the wallet, from the words of another or from new ones; returns the words. Keep them safe."""
        words = phrase if phrase is not None else new_phrase()
        keys = SpendKeys.from_phrase(words)

        async def main(jsc: Jsc) -> str:
            await create_account(jsc, self._folder, self._password, (keys.views, keys.spend))
            return words

        return self._run(main)

    def jsc_address(self) -> str:
        """The wallet's main address."""
        return self._with_wallet(lambda _, wallet: _done(wallet.wallet.views.address().encode()))

    def balance(self) -> int:
        """What the wallet can spend now, in the smallest unit of JOY."""

        async def main(_: Jsc, wallet: JscAccount) -> int:
            await wallet.sync()
            return (await wallet.balance()).spendable * JSC_UNIT

        return self._with_wallet(main)

    def deposit_joy(self, amount: int, jsc_address: str) -> TxReceipt:
        """Turn `amount` JOY of the account into private notes of `jsc_address`, of standard amounts."""
        units, address = _units(amount), Address.parse(jsc_address)

        async def main(jsc: Jsc, wallet: JscAccount) -> TxReceipt:
            amounts = denominations(units)
            notes = wallet.deposit_notes(address, amounts)
            return await jsc.deposit(notes, amounts, f"api/jsc-deposit/{secrets.token_hex(16)}")

        return self._with_wallet(main)

    def prepare_withdrawal(
        self, amount: int, joy_address: str | bytes, *, to_escrow: bool = False
    ) -> Withdrawal:
        """Sign a withdrawal of `amount` to the account, or into its escrow; `withdraw_jsc` sends it.

        It counts for an hour; its notes are kept from other payments as long.
        """
        units, recipient = _units(amount), parse_address(joy_address, "joy_address")

        async def main(_: Jsc, wallet: JscAccount) -> Withdrawal:
            await wallet.sync()
            payment = await wallet.payment(amount=units, recipient=recipient, to_escrow=to_escrow)
            planned = await wallet.plan([], payment)
            built = wallet.sign(planned.plan)
            pool = wallet.wallet.pool
            digest = built.transaction.message(pool.chain_id, pool.address).hex()
            await trio.Path(self._signed(digest)).write_bytes(codec.dump_built(built))
            return Withdrawal("0x" + digest, planned.warnings)

        return self._with_wallet(main)

    def withdraw_jsc(self, amount: int, joy_address: str | bytes, jsc_tx_hash: str) -> TxReceipt:
        """Send the signed withdrawal `jsc_tx_hash`, which must be of `amount` to `joy_address`."""
        units, recipient = _units(amount), parse_address(joy_address, "joy_address")
        digest = jsc_tx_hash.removeprefix("0x").lower()
        built = self._load_signed(digest)
        payment = built.transaction.payment
        if (payment.amount, payment.recipient) != (units, recipient):
            raise ConfigError(
                f"jsc_tx_hash 0x{digest} withdraws {payment.amount * JSC_UNIT} to "
                f"0x{payment.recipient.hex()}; amount and joy_address must be these"
            )
        return self._run(lambda jsc: jsc.transact(built.transaction, f"api/jsc/{digest}"))

    def pay(self, amount: int, jsc_address: str, text: str = "") -> TxReceipt:
        """Pay another JSC address in private."""
        payee = Payee(Address.parse(jsc_address), _units(amount), text.encode())

        async def main(jsc: Jsc, wallet: JscAccount) -> TxReceipt:
            await wallet.sync()
            built = wallet.sign((await wallet.plan([payee], await wallet.payment())).plan)
            image = built.transaction.inputs[0].image[0]
            return await jsc.transact(built.transaction, f"api/jsc-pay/{image:x}")

        return self._with_wallet(main)

    def _signed(self, digest: str) -> Path:
        return self._folder / f"{digest}.signed"

    def _load_signed(self, digest: str) -> Built:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ConfigError(f"jsc_tx_hash {digest!r:.80} is no hash; take it from prepare_withdrawal")
        try:
            return codec.load_built(self._signed(digest).read_bytes())
        except FileNotFoundError:
            raise ConfigError(
                f"jsc_tx_hash 0x{digest} was not signed by this wallet; call prepare_withdrawal first"
            ) from None

    def _with_wallet(self, call: Callable[[Jsc, JscAccount], Awaitable[T]]) -> T:
        if not (self._folder / WALLET).exists():
            raise ConfigError(f"wallet {self._folder} does not exist; call create_wallet first")

        async def main(jsc: Jsc) -> T:
            return await call(jsc, await open_account(jsc, self._folder, self._password))

        return self._run(main)

    def _run(self, call: Callable[[Jsc], Awaitable[T]]) -> T:
        async def main() -> T:
            async with open_jsc(self._config, self._account, self._address, self._ledger) as jsc:
                return await call(jsc)

        return trio.run(main)


def _units(amount: int) -> int:
    units, rest = divmod(amount, JSC_UNIT)
    if rest or not 0 < units < 1 << 64:
        raise ConfigError(
            f"amount {amount} must be a positive multiple of {JSC_UNIT}, the unit of private notes"
        )
    return units


async def _done(value: T) -> T:
    return value
