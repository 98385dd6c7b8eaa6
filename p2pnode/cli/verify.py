"""`p2pnode verify`: checks receipt files without trusting whoever sent them."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import trio

from p2pnode.cli.output import Printer, config_path_option, hexed, joy, json_option
from p2pnode.cli.prover import ensure_prover
from p2pnode.config import Config, load_config
from p2pnode.errors import ChainError, InferenceError, ProtocolError, ProverError
from p2pnode.protocol.cid import content_digest, to_cid
from p2pnode.protocol.receipt import ProofClaim, Receipt, check_receipt, parse_receipt
from p2pnode.protocol.schema import MAX_RECEIPT
from p2pnode.verification import proof_steps, statement

REFUSED = 5

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


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
        except (ProtocolError, ProverError, ChainError, InferenceError) as error:
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
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--chain", is_flag=True, help="Also look up the settlement on the configured chain.")
@click.option("--model", type=_FILE, help="Also check that this ONNX file is the model that ran.")
@click.option("--input", "input_file", type=_FILE, help="Also check that it ran on this input.")
@click.option("--prover", default="", help="Path of the prover; empty looks in its usual places.")
@config_path_option
@json_option
def command(
    files: tuple[Path, ...],
    chain: bool,
    model: Path | None,
    input_file: Path | None,
    prover: str,
    config: Path,
    printer: Printer,
) -> None:
    """Check receipt FILES: signatures, Merkle path, claim and STARK.

    Works offline and without a configuration, unless --chain is given.
    """
    if input_file is not None and model is None:
        raise click.UsageError("--input is read as the model takes it; give --model too")
    settings = load_config(config) if chain else None
    refused = [file for file in files if not _verify(file, (model, input_file), settings, prover, printer)]
    if refused:
        raise SystemExit(REFUSED)


def _verify(
    file: Path,
    owned: tuple[Path | None, Path | None],
    settings: Config | None,
    binary: str,
    printer: Printer,
) -> bool:
    checks = _Checks(printer)
    summary: dict[str, Any] = {"file": str(file)}

    async def check() -> None:
        receipt, claim = await _check_file(checks, file)
        await _check_files(checks, receipt, *owned)
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
    lines = _lines(summary)
    if valid:
        lines += [summary["statement"], "the receipt is valid"]
    else:
        # What was refused must not be read as proved.
        summary.pop("statement", None)
        lines = [*_lines(summary), "the receipt is REFUSED"]
    printer.result({"valid": valid, "checks": checks.done, **summary}, lines)
    return valid


def _open_prover(binary: str) -> Any:
    from p2pnode.proving import open_prover

    ensure_prover(binary)
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


async def _check_files(
    checks: _Checks, receipt: Receipt, model: Path | None, input_file: Path | None
) -> None:
    if model is None:
        return
    award = receipt.award.message
    async with (
        checks.check("the model is the file that was given"),
        await trio.open_file(model, "rb") as file,
    ):
        found = content_digest(await file.read())
        if found != award.model_digest:
            raise ProtocolError(f"{model} is {to_cid(found)}, not {to_cid(award.model_digest)}")
    if input_file is not None:
        from p2pnode.inference import read_inputs, read_model
        from p2pnode.protocol.tensors import tensors_digest

        async with checks.check("the input is the file that was given"):
            found = tensors_digest(read_inputs(input_file, read_model(model)[1]))
            if found != award.input_digest:
                raise ProtocolError(
                    f"{input_file} has digest {hexed(found)}, the receipt's input {hexed(award.input_digest)}"
                )


async def _check_proof(checks: _Checks, claim: ProofClaim, prover: Any) -> None:
    for what, run in proof_steps(claim, prover):
        async with checks.check(what):
            await run()


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
        "input_digest": hexed(award.input_digest),
        "output_digest": hexed(receipt.output_digest),
        "image_id": hexed(receipt.image_id),
        "answer_is_proved": receipt.answer_is_proved,
        "transaction": hexed(receipt.transaction),
        "statement": statement(receipt, joy(award.price)),
    }


def _lines(summary: dict[str, Any]) -> list[str]:
    return [f"  {name:16} {value}" for name, value in summary.items() if name not in ("file", "statement")]
