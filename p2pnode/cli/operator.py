"""The operator's account on the chain, for the commands that read or send by hand.

web3 takes a second of the processor to import; a command's help and its completion do without.
"""

import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import click
import trio

from p2pnode.cli.output import Printer, hexed
from p2pnode.config import Config
from p2pnode.identity import keystore_address, load_account, read_password
from p2pnode.store import open_store

if TYPE_CHECKING:
    from p2pnode.chain import ChainClient, TxReceipt

Sent: TypeAlias = "tuple[TxReceipt, Mapping[str, object], str]"
"""A transaction, what --json shows with it, and what people read."""


def ask_password(config: Config) -> str:
    """The keystore's password from where the configuration says, else from the terminal."""
    prompt = None
    if sys.stdin.isatty():

        def prompt() -> str:
            return str(click.prompt("Password of the keystore", hide_input=True, err=True))

    return read_password(config.password_file, os.environ, prompt)


@asynccontextmanager
async def open_operator(config: Config) -> "AsyncIterator[ChainClient]":
    """The chain with the node's account, over a ledger apart from the running node's."""
    from p2pnode.chain import open_chain

    account = load_account(config.keystore, ask_password(config))
    with open_store(config.operator_ledger) as ledger:
        async with open_chain(config.chain, account, ledger) as chain:
            yield chain


def open_onlooker(config: Config) -> "AbstractAsyncContextManager[ChainClient]":
    """The chain with the node's address and without its key."""
    from p2pnode.chain import open_chain_reader

    return open_chain_reader(config.chain, keystore_address(config.keystore))


def new_key(command: str) -> str:
    """The name of one intent: a command given twice is meant twice."""
    return f"cli/{command}/{secrets.token_hex(16)}"


def send_and_print(
    config: Config, printer: Printer, send: "Callable[[ChainClient], Awaitable[Sent]]"
) -> None:
    """Send by the node's account and print the transaction behind what `send` says of it."""

    async def run() -> Sent:
        async with open_operator(config) as chain:
            with printer.progress("Waiting for the chain"):
                return await send(chain)

    receipt, fields, line = trio.run(run)
    printer.result({**sent(receipt), **fields}, [line, sent_line(receipt)])


def sent(receipt: "TxReceipt") -> dict[str, object]:
    """A transaction for the output."""
    return {"transaction": hexed(receipt.tx_hash), "block": receipt.block, "gas_used": receipt.gas_used}


def sent_line(receipt: "TxReceipt") -> str:
    """A transaction in a line."""
    return f"transaction {hexed(receipt.tx_hash)} in block {receipt.block}, {receipt.gas_used:,} gas"
