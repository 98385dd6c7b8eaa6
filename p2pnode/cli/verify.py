"""`p2pnode verify`: checks receipt files without trusting whoever sent them."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import trio

from p2pnode.cli.output import Printer, config_path_option, hexed, json_option
from p2pnode.config import Config, load_config
from p2pnode.errors import ChainError, ProtocolError, ProverError
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.receipt import ProofClaim, Receipt, check_receipt, parse_receipt
from p2pnode.protocol.schema import MAX_RECEIPT

REFUSED = 5


class _Refused(Exception):
    """A check failed; it has been noted."""


class _Checks:
    """Notes each check with its outcome and prints it at once."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self.done: list[dict[str, Any]] = []

    @asynccontextmanager
    async def check(self, what: str) -> AsyncIterator[None]:
        started = time.monotonic()
        try:
            yield
        except (ProtocolError, ProverError, ChainError) as error:
            self._note(what, started, " ".join(str(error).split()))
            raise _Refused from error
        self._note(what, started, "")

    def _note(self, what: str, started: float, problem: str) -> None:
        seconds = round(time.monotonic() - started, 3)
        self.done.append({"check": what, "ok": not problem, "seconds": seconds, "problem": problem})
        if not self._printer.as_json:
            mark = click.style("✗", fg="red") if problem else click.style("✓", fg="green")
            click.echo(f"{mark} {what}{': ' + problem if problem else ''}")


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option("--chain", is_flag=True, help="Also look up the settlement on the configured chain.")
@click.option("--prover", default="", help="Path of the prover; empty looks in its usual places.")
@config_path_option
@json_option
def command(files: tuple[Path, ...], chain: bool, prover: str, config: Path, printer: Printer) -> None:
    """Check receipt FILES: signatures, Merkle path and STARK.

    Works offline and without a configuration, unless --chain is given.
    """
    settings = load_config(config) if chain else None
    refused = [file for file in files if not _verify(file, settings, prover, printer)]
    if refused:
        raise SystemExit(REFUSED)


def _verify(file: Path, settings: Config | None, binary: str, printer: Printer) -> bool:
    checks = _Checks(printer)
    summary: dict[str, Any] = {"file": str(file)}

    async def check() -> None:
        receipt, claim = await _check_file(checks, file)
        summary.update(_summary(receipt))
        async with _open_prover(binary) as verifier:
            await _check_proof(checks, claim, verifier)
        if settings is not None:
            async with _open_chain(settings) as client:
                await _check_chain(checks, receipt, client)

    try:
        trio.run(check)
        valid = True
    except _Refused:
        valid = False
    verdict = "the receipt is valid" if valid else "the receipt is REFUSED"
    printer.result({"valid": valid, "checks": checks.done, **summary}, [*_lines(summary), verdict])
    return valid


def _open_prover(binary: str) -> Any:
    from p2pnode.proving import open_prover

    return open_prover(binary=binary)


def _open_chain(settings: Config) -> Any:
    from p2pnode.chain import open_chain_reader

    return open_chain_reader(settings.chain, bytes(20))


async def _check_file(checks: _Checks, file: Path) -> tuple[Receipt, ProofClaim]:
    async with checks.check("the file is a receipt"), await trio.open_file(file, "rb") as opened:
        receipt = parse_receipt(await opened.read(MAX_RECEIPT + 1))
    async with checks.check("requester and worker signed, and the task is in the proved batch"):
        claim = check_receipt(receipt)
    return receipt, claim


async def _check_proof(checks: _Checks, claim: ProofClaim, prover: Any) -> None:
    async with checks.check("the proof is of the guest that this prover knows"):
        if claim.image_id != prover.image_id:
            raise ProtocolError(
                f"imageId is {hexed(claim.image_id)}, this prover's guest is {hexed(prover.image_id)}; "
                "use the version of p2pnode that made the receipt"
            )
    async with checks.check("the STARK proves the batch"):
        await prover.verify(claim.journal, claim.seal)


async def _check_chain(checks: _Checks, receipt: Receipt, chain: Any) -> None:
    async with checks.check(f"the settlement contract on chain {chain.chain_id} is the receipt's"):
        if (receipt.chain_id, receipt.contract) != (chain.chain_id, chain.settlement_address):
            raise ProtocolError(
                f"the receipt is for {hexed(receipt.contract)} on chain {receipt.chain_id}, "
                f"the configuration for {hexed(chain.settlement_address)} on chain {chain.chain_id}"
            )
    async with checks.check("the transaction paid this task for this output"):
        found = await chain.receipt(receipt.transaction)
        if found is None or not found.ok:
            raise ChainError(f"transaction {hexed(receipt.transaction)} is in no block or failed")
        if chain.settlement.settled_output(found, receipt.task_id) != receipt.output_digest:
            raise ChainError(f"transaction {hexed(receipt.transaction)} did not pay this task and output")


def _summary(receipt: Receipt) -> dict[str, Any]:
    award = receipt.award.message
    return {
        "task_id": hexed(receipt.task_id),
        "model": to_cid(award.model_digest),
        "requester": hexed(award.requester),
        "worker": hexed(award.worker),
        "output_digest": hexed(receipt.output_digest),
        "answer_is_proved": receipt.answer_is_proved,
        "transaction": hexed(receipt.transaction),
    }


def _lines(summary: dict[str, Any]) -> list[str]:
    return [f"  {name:16} {value}" for name, value in summary.items()]
