"""The demo's private chapter: a worker is paid and an escrow funded, and the world is not told by whom."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import trio
from rich import box
from rich.table import Table

from p2pnode.amounts import JSC_UNIT
from p2pnode.chain import open_chain_reader
from p2pnode.cli.output import joy
from p2pnode.config import ChainConfig
from p2pnode.demo.screen import Screen
from p2pnode.devnet import Devnet
from p2pnode.errors import DevnetError
from p2pnode.identity import Account
from p2pnode.jsc.pool import PoolEvent

DEPOSIT: Final = "12.3"
PAID: Final = "0.5"
FUNDED: Final = "2"
TEXT: Final = "for sixteen digits"
RELAYER_SECONDS: Final = 90


@dataclass(frozen=True, slots=True)
class Sight:
    """One event in the pool: what anybody can read of it, and what its owner knows."""

    observer: str
    owner: str


class Private:
    """The chapter, on a running devnet: the requester pays its first worker."""

    def __init__(self, devnet: Devnet, screen: Screen) -> None:
        self._devnet = devnet
        self._screen = screen

    async def tell(self) -> list[Sight]:
        """Deposit, pay, fund; the two views of each event. Raises DevnetError when one is wrong."""
        screen, alice, bob = self._screen, self._devnet.requester, self._devnet.workers[0]
        screen.title("The same money in private: who, whom and how much")
        screen.doing(f"{alice.name} and {bob.name} make wallets")
        await alice.command("jsc", "create")
        address = str((await bob.command("jsc", "create"))["address"])
        screen.say(f"{bob.name}'s private address is {address[:20]}...; it never appears on the chain", "dim")
        screen.doing(f"{alice.name} deposits")
        found = await alice.command("jsc", "deposit", DEPOSIT)
        screen.say(f"{alice.name} turned {DEPOSIT} JOY into {len(found['units'])} notes: {_gas(found)}")
        screen.doing("looking for a relayer")
        await self._until_relayer()
        paid = await self._send(f"pays {bob.name}", "send", address, PAID, "--text", TEXT)
        screen.say(f"{alice.name} paid {bob.name} {PAID} JOY by {_route(paid)}")
        fresh = Account(secrets.token_bytes(32))
        funded = await self._send("funds an escrow", "withdraw", FUNDED, fresh.checksum_address, "--escrow")
        screen.say(f"{alice.name} put {FUNDED} JOY into the escrow of a fresh account by {_route(funded)}")
        screen.doing(f"{bob.name} looks for his notes")
        balance = int((await bob.command("jsc", "balance"))["total"])
        (note,) = await bob.command("jsc", "notes")
        screen.say(f'{bob.name} finds {joy(balance * JSC_UNIT)}, with the words "{note["text"]}"', "green")
        sights = await self._sights(fresh.address)
        screen.doing("")
        screen.show(sights_table(sights))
        return sights

    async def _send(self, what: str, *arguments: str) -> Any:
        alice = self._devnet.requester
        self._screen.doing(f"{alice.name} {what}")
        return await alice.command("jsc", *arguments)

    async def _until_relayer(self) -> None:
        deadline = trio.current_time() + RELAYER_SECONDS
        while not await self._devnet.requester.control.relayers():
            if trio.current_time() > deadline:
                raise DevnetError(f"no relayer was heard of within {RELAYER_SECONDS} s")
            await trio.sleep(0.5)

    async def _sights(self, fresh: bytes) -> list[Sight]:
        devnet = self._devnet
        alice, bob = devnet.requester.name, devnet.workers[0].name
        config = ChainConfig(rpc_url=devnet.url, deployment=devnet.deployment)
        async with open_chain_reader(config, fresh) as chain:
            pool = await chain.jsc.new_pool()
            events = await chain.jsc.pool_events(pool.genesis_block, await chain.block_number())
            escrow = await chain.escrow.free(fresh)
        if escrow != int(FUNDED) * 10**18 or len(events) != 3:
            raise DevnetError(f"the fresh escrow holds {joy(escrow)} after {len(events)} events in the pool")
        owners = (
            f"{alice} deposits {DEPOSIT} JOY",
            f"{alice} pays {bob} {PAID} JOY, {TEXT}",
            f"{alice} funds the escrow of her fresh account",
        )
        return [Sight(_seen(event), owner) for event, owner in zip(events, owners, strict=True)]


def sights_table(sights: Sequence[Sight]) -> Table:
    """The two views, side by side."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("anybody reads on the chain")
    table.add_column("the owner knows")
    for sight in sights:
        table.add_row(sight.observer, sight.owner)
    return table


def _seen(event: PoolEvent) -> str:
    if event.payment is None:
        amounts = ", ".join(joy(amount * JSC_UNIT).removesuffix(" JOY") for amount in event.amounts)
        return f"an account put in {amounts} JOY"
    spent = f"1 of 16 notes became {len(event.notes)} notes"
    payment = event.payment
    fee = f"fee {joy(payment.fee * JSC_UNIT)} to 0x{payment.relayer.hex()[:6]}..."
    if not payment.amount:
        return f"{spent}; {fee}"
    place = "the escrow of " if payment.to_escrow else ""
    amount = joy(payment.amount * JSC_UNIT)
    return f"{spent} and {amount} for {place}0x{payment.recipient.hex()[:6]}...; {fee}"


def _gas(found: Any) -> str:
    return f"{found['gas_used']:,} gas"


def _route(found: Any) -> str:
    return f"{str(found['route'])[:20]}..., fee {joy(int(found['fee']) * JSC_UNIT)}"
