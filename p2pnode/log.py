"""Structured logs: one JSON object a line on stderr, or readable lines on a terminal.

Every step of the market is an event with a dotted name (`offer.published`, `settlement.confirmed`) and
fields. Secrets never get through: fields with a secret's name and known secret values are replaced.
"""

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.types import Processor

REDACTED = "[redacted]"
_SECRET_NAME = re.compile(r"pass(word|phrase)|secret|private_?key|mnemonic|keystore", re.IGNORECASE)
_NOISY = ("web3", "urllib3", "multiaddr")
# libp2p is silent on its own unless LIBP2P_DEBUG is set.


def configure_logging(
    level: str = "info",
    log_format: str = "auto",
    *,
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
) -> None:
    """Set up logging of the whole process.

    `level` and `log_format` as in Config; `secrets` are values (password, key in hex) that are cut out of
    every text, whichever field or message they turn up in.
    """
    target = sys.stderr if stream is None else stream
    human = log_format == "human" or (log_format == "auto" and target.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redactor(secrets),
    ]
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=target.isatty())
        if human
        else structlog.processors.JSONRenderer(default=str)
    )
    handler: logging.Handler = _StderrHandler() if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class _StderrHandler(logging.Handler):
    """Writes to whatever sys.stderr is then, which is another one under a test runner."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()


class Redactor:
    """Replaces secrets and writes bytes as hex, at any depth of an event."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """The structlog processor."""
        return {name: self._field(name, value) for name, value in event.items()}

    def _field(self, name: object, value: Any) -> Any:
        if isinstance(name, str) and not name.startswith("_") and _SECRET_NAME.search(name):
            return REDACTED
        if isinstance(name, str) and name.startswith("_"):
            return value
        return self._clean(value)

    def _clean(self, value: Any) -> Any:
        if isinstance(value, bytes | bytearray | memoryview):
            return self._clean("0x" + bytes(value).hex())
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, REDACTED)
            return value
        if isinstance(value, Mapping):
            return {name: self._field(name, inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._clean(inner) for inner in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._clean(str(value))
