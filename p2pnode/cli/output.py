"""What commands print, and the options that all of them share."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import click

from p2pnode.amounts import JOY, MAX_AMOUNT, worth
from p2pnode.amounts import joy as joy
from p2pnode.config import CONFIG_NAME, Config, load_config

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_DIR = Path("~/.p2pnode")


class Printer:
    """Prints a result once, for people or as JSON, on stdout; progress goes to stderr."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, value: Any, lines: Iterable[str]) -> None:
        """`value` with --json, else `lines`."""
        if self.as_json:
            click.echo(json.dumps(value, default=_plain))
        else:
            for line in lines:
                click.echo(line)

    @contextmanager
    def updating(self, text: str) -> Iterator[Callable[[str], None]]:
        """As `progress`, and the body gets a function that changes the text."""
        from rich.console import Console

        with Console(stderr=True).status(text) as status:
            yield status.update

    @contextmanager
    def progress(self, text: str) -> Iterator[None]:
        """A moving line on a terminal while the body runs."""
        from rich.console import Console

        with Console(stderr=True).status(text):
            yield


class JoyAmount(click.ParamType[int]):
    """JOY as people write it, `1.5`; becomes the smallest unit."""

    name = "JOY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            units = Decimal(str(value)) * JOY
            if units != int(units) or not 0 <= units <= MAX_AMOUNT:
                raise InvalidOperation
        except (InvalidOperation, ValueError, OverflowError):
            self.fail(f"{value!r}: give JOY from 0 with at most 18 decimals, for example 0.05", param, ctx)
        return int(units)


def priced(units: int, config: Config) -> str:
    """As `joy`, and what it is worth in `currency` where the configuration says what a JOY is worth."""
    return joy(units) + worth(units, config.currency, config.joy_price)


def hexed(data: bytes) -> str:
    """0x and hex digits."""
    return "0x" + data.hex()


def printable(text: str) -> str:
    """What strangers wrote, without control characters and cut to 80."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:80]


def config_path_option(command: F) -> F:
    """Adds --config; the command gets the path as `config`."""
    return _config_option(None)(command)


def config_option(command: F) -> F:
    """Adds --config; the command gets the loaded `config`."""
    return _config_option(_load)(command)


def _config_option(
    callback: Callable[[click.Context, click.Parameter, Path], Any] | None,
) -> Callable[[F], F]:
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="P2PNODE_CONFIG",
        default=DEFAULT_DIR / CONFIG_NAME,
        show_default=True,
        show_envvar=True,
        callback=callback,
        help="Configuration file.",
    )


def json_option(command: F) -> F:
    """Adds --json; the command gets a `printer`."""
    option = click.option(
        "--json",
        "printer",
        is_flag=True,
        callback=lambda _ctx, _param, value: Printer(value),
        help="Print JSON.",
    )
    return option(command)


def _load(ctx: click.Context, _param: click.Parameter, value: Path) -> Config | None:
    return None if ctx.resilient_parsing else load_config(value)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return hexed(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
