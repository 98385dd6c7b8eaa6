"""The questions of `p2pnode init` on a terminal; each has an answer that will do."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import click
import trio

from p2pnode.amounts import JOY
from p2pnode.cli.output import JoyAmount, Printer, joy
from p2pnode.cli.prover import ensure_prover
from p2pnode.config import default_toml
from p2pnode.errors import P2PNodeError
from p2pnode.networks import find_network, known_networks


@dataclass
class Answers:
    """What was chosen. `models` are ONNX files to serve from the start, `stake` in the smallest unit."""

    settings: dict[str, str] = field(default_factory=dict)
    import_key: Path | None = None
    models: tuple[Path, ...] = ()
    stake: int = 0


def ask(printer: Printer) -> Answers:
    """Ask all questions. Nothing is written yet."""
    answers = Answers()
    click.echo("Enter takes the answer in brackets; Ctrl-C ends this, and nothing is written.\n")
    role = _choice("What is the node for", ("buy inferences", "sell inferences", "both"))
    sells = role != "buy inferences"
    answers.settings["worker.enabled"] = str(sells).lower()
    answers.settings["requester.enabled"] = str(role != "sell inferences").lower()
    answers.settings |= _network()
    if click.confirm("Do you have an account whose private key to use", default=False):
        answers.import_key = _file("File (mode 0600) with the key in hex")
    if sells:
        answers.settings |= _selling(printer)
        answers.stake = click.prompt("JOY to stake; more is awarded first", default="10", type=JoyAmount())
        answers.models = _models()
    public = _text("Public IPv4 address of this machine, if it has one", _ipv4)
    port = click.prompt("TCP port for peers", default=4001, type=click.IntRange(1, 65535))
    answers.settings["network.listen"] = f"/ip4/0.0.0.0/tcp/{port}"
    if public:
        answers.settings["network.announce"] = f"/ip4/{public}/tcp/{port}"
    serves = click.confirm("Serve the HTTP API and the dashboard, on 127.0.0.1:8420", default=True)
    answers.settings["api.enabled"] = str(serves).lower()
    return answers


def _network() -> dict[str, str]:
    known = [network.name for network in known_networks()]
    name = _choice("Which network", (*known, "another one")) if known else "another one"
    if name != "another one":
        network = find_network(name)
        found = network.settings()
        return found if network.rpc_url else {**found, "chain.rpc_url": _url()}
    deployment = click.prompt("Its deployment file", default="deployment.json", value_proc=_deployment)
    peers = _text("Its bootstrap peers: multiaddrs or a file, empty for none", _peers)
    found = {"chain.deployment": deployment, "chain.rpc_url": _url()}
    return {**found, "network.bootstrap": peers} if peers else found


def _url() -> str:
    question = "JSON-RPC endpoint of the chain"
    return str(click.prompt(question, default="http://127.0.0.1:8545", value_proc=_endpoint))


def _selling(printer: Printer) -> dict[str, str]:
    """Capacity and price, from a proof on this machine if that is wanted."""
    capacity, price, batch = 4, JOY // 100, 16
    if click.confirm("Measure what this machine can prove (about half a minute)", default=True):
        try:
            capacity, price = _measure(printer, batch)
            click.echo(f"  it can hold {capacity} tasks, and earns 2 JOY an hour at {joy(price)} a task")
        except P2PNodeError as error:
            click.secho(f"  not measured: {error}", fg="yellow")
    capacity = click.prompt("Tasks to hold at a time", default=capacity, type=click.IntRange(1, 1024))
    wanted = click.prompt(
        "Least price of a task in JOY", default=f"{Decimal(price) / JOY:f}", type=JoyAmount()
    )
    return {
        "worker.capacity": str(capacity),
        "worker.price": str(wanted),
        "worker.batch_size": str(batch),
    }


def _measure(printer: Printer, batch: int) -> tuple[int, int]:
    from p2pnode.machine_bench import bench_machine
    from p2pnode.ports import Progress
    from p2pnode.proving import open_prover

    ensure_prover("")

    async def run() -> tuple[int, int]:
        async with open_prover() as prover:
            with printer.updating("Executing") as show:

                def tell(step: Progress) -> None:
                    left = "" if step.remaining is None else f", {step.remaining:.0f} s left"
                    show(f"Proving {batch} digits: {step.step} {step.index} of {step.total}{left}")

                found = await bench_machine(prover, (), batch, 2 * JOY, tell)
        return found.capacity, found.price

    return trio.run(run)


def _models() -> tuple[Path, ...]:
    found: list[Path] = []
    while text := _text("ONNX file to serve from the start, empty for no more"):
        path = Path(text).expanduser()
        if path.is_file():
            found.append(path)
        else:
            click.secho(f"  {path} is no file", fg="yellow")
    return tuple(found)


def _text(question: str, check: Callable[[str], str] = str) -> str:
    """An answer that may be empty; `check` sees it otherwise."""
    return str(
        click.prompt(
            question, default="", show_default=False, value_proc=lambda text: check(text) if text else ""
        )
    )


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text.strip()))
    except ValueError:
        raise click.UsageError(f"{text!r:.40}: give four numbers, for example 198.51.100.4") from None


def _endpoint(text: str) -> str:
    return _or_again(lambda: default_toml({"chain.rpc_url": text}, Path.cwd()), text)


def _peers(text: str) -> str:
    from p2pnode.network.bootstrap import read_sources

    return _or_again(lambda: read_sources(text.split(",")), text)


def _deployment(text: str) -> str:
    """One that is there must be one; one that is not may come later."""
    from p2pnode.chain import load_deployment

    path = Path(text).expanduser()
    if not path.exists():
        click.secho(f"  {path} is not there yet; put it there before `p2pnode run`", fg="yellow")
        return text
    return _or_again(lambda: load_deployment(path), text)


def _or_again(check: Callable[[], object], text: str) -> str:
    """`text` if `check` takes it; else the question is asked again, with the reason."""
    try:
        check()
    except P2PNodeError as error:
        raise click.UsageError(str(error)) from error
    return text


def _choice(question: str, options: Sequence[str]) -> str:
    click.echo(f"{question}?")
    for number, option in enumerate(options, start=1):
        click.echo(f"  {number}  {option}")
    number = click.prompt("Number", default=1, type=click.IntRange(1, len(options)))
    return options[number - 1]


def _file(question: str) -> Path:
    def check(text: str) -> Path:
        path = Path(text).expanduser()
        if not path.is_file():
            raise click.UsageError(f"{path}: no such file; give one with the private key")
        return path

    found: Path = click.prompt(question, value_proc=check)
    return found
