"""What the `p2pnode jsc` commands share: the open wallet, amounts, and bringing transactions to the chain."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress as Bar

from p2pnode.amounts import JSC_UNIT
from p2pnode.cli.operator import ask_password, open_onlooker, open_operator
from p2pnode.cli.output import JoyAmount, joy
from p2pnode.config import Config
from p2pnode.control import ControlClient
from p2pnode.errors import ChainError, ConfigError
from p2pnode.jsc.account import JscAccount, open_account
from p2pnode.jsc.codec import dump_transaction
from p2pnode.jsc.keys import Address
from p2pnode.jsc.pool import Pool, PoolEvent
from p2pnode.jsc.routes import Route
from p2pnode.jsc.transaction import Transaction
from p2pnode.jsc.wallet import Owned
from p2pnode.jsc.wallet_file import WalletFile

if TYPE_CHECKING:
    from p2pnode.chain import ChainClient

MOST_RELAYERS = 3
"""Relayers tried before the account's own gas."""


class UnitAmount(click.ParamType[int]):
    """JOY as people write it; becomes units of JSC."""

    name = "JOY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        units, rest = divmod(JoyAmount().convert(value, param, ctx), JSC_UNIT)
        if rest or units >= 1 << 64:
            self.fail(f"{value!r}: private amounts have at most 9 decimals", param, ctx)
        return units


class JscAddress(click.ParamType[Address]):
    """A JSC address, or a name of the address book as `@name`."""

    name = "JSC_ADDRESS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value.startswith("@"):
            return value
        try:
            return Address.parse(str(value))
        except ConfigError as error:
            self.fail(str(error), param, ctx)


class JoyAddress(click.ParamType[bytes]):
    """An account on the chain; becomes its 20 bytes."""

    name = "JOY_ADDRESS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            data = bytes.fromhex(str(value).removeprefix("0x"))
        except ValueError:
            data = b""
        if len(data) != 20:
            self.fail(f"{value!r}: give 0x and 40 hex digits", param, ctx)
        return data


def wallet_folder(config: Config) -> Path:
    """Where the wallet is."""
    return config.data_dir / "jsc"


def shown(units: int) -> str:
    """Units for people."""
    return joy(units * JSC_UNIT)


@asynccontextmanager
async def open_wallet(
    config: Config, *, sends: bool = False, scans: bool = True
) -> "AsyncIterator[tuple[ChainClient, JscAccount]]":
    """The chain and the wallet, synced unless `scans` is off; with the account's key when it `sends`."""
    password = ask_password(config)
    async with open_operator(config) if sends else open_onlooker(config) as chain:
        account = await open_account(chain.jsc, wallet_folder(config), password)
        if scans:
            await scan(account)
        yield chain, account


def open_offline(config: Config) -> JscAccount:
    """The wallet without a chain, for a machine that has none: it can sign, not look."""
    file, wallet, position = WalletFile.open(
        wallet_folder(config), ask_password(config), offline_pool(config)
    )
    return JscAccount(NoChain(), file, wallet, position)


def offline_pool(config: Config) -> Pool:
    """The pool that the deployment file names, without its events."""
    from p2pnode.chain import load_deployment

    deployment = load_deployment(config.chain.deployment)
    return Pool(deployment.chain_id, deployment.addresses["JSC"], 0, 0)


class NoChain:
    """A `PoolChain` where there is none: it refuses."""

    async def new_pool(self) -> Pool:
        raise _offline()

    async def now(self) -> int:
        raise _offline()

    async def head(self) -> int:
        raise _offline()

    async def block_hash(self, block: int) -> bytes | None:
        raise _offline()

    async def pool_events(self, first: int, last: int) -> Sequence[PoolEvent]:
        raise _offline()


def _offline() -> ChainError:
    return ChainError("the wallet was opened without a chain")


async def scan(account: JscAccount) -> list[Owned]:
    """Sync with a progress bar on a terminal."""
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading the pool", total=None)
        return await account.sync(lambda done, total: bar.update(task, completed=done, total=total))


def resolve(account: JscAccount, address: Address | str) -> Address:
    """An address, or the one that the address book has for `@name`."""
    if isinstance(address, Address):
        return address
    found = account.wallet.book.contacts.get(address.removeprefix("@"))
    if found is None:
        raise ConfigError(f"{address} is not in the address book; `p2pnode jsc contacts` lists it")
    return Address.parse(found)


def warn(warnings: Iterable[str]) -> None:
    """Warnings on stderr, a line each."""
    for warning in warnings:
        click.secho("note: ", fg="yellow", bold=True, err=True, nl=False)
        click.echo(warning, err=True)


def agree(yes: bool) -> None:
    """Ask before something leaves; without a terminal `--yes` must have been given."""
    if not yes:
        click.confirm("Go on?", abort=True, err=True)


async def routes(config: Config, chain: "ChainClient", alone: bool) -> list[Route]:
    """The cheapest relayers that the running node has heard of, and last the account's own gas."""

    async def pay_gas(transaction: Transaction) -> bytes:
        # One intent for one transaction, however often the command is given.
        message = transaction.message(chain.chain_id, chain.deployment.addresses["JSC"])
        return (await chain.jsc.transact(transaction, f"cli/jsc/{message.hex()}")).tx_hash

    own = Route("own gas", pay_gas)
    control = ControlClient(config.control_socket)
    if alone or not await control.is_running():
        return [own]
    found = []
    for offer in (await control.relayers())[:MOST_RELAYERS]:
        peer, account = str(offer["peer"]), bytes.fromhex(str(offer["account"]).removeprefix("0x"))

        async def relay(transaction: Transaction, peer: str = peer) -> bytes:
            return await control.relay(peer, dump_transaction(transaction))

        found.append(Route(f"relayer {peer}", relay, account, int(str(offer["fee"]))))
    return [*found, own]
