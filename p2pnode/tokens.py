"""The file of bearer tokens that a node's API and its clients share."""

import secrets
from pathlib import Path
from typing import Final

from p2pnode.errors import ConfigError
from p2pnode.identity import read_secret, write_secret

_LEAST_TOKEN: Final = 16


def read_tokens(path: Path, *, create: bool = False) -> tuple[str, ...]:
    """The tokens of a file, one a line, `#` for comments. Raises ConfigError."""
    if create and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(path, secrets.token_urlsafe(32).encode() + b"\n")
    text = read_secret(path, "start the node once, which makes it").decode(errors="replace")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    tokens = tuple(line for line in lines if line)
    if not tokens or any(len(token) < _LEAST_TOKEN for token in tokens):
        raise ConfigError(
            f"api.token_file {path}: holds no token, or one of less than {_LEAST_TOKEN} letters; "
            "delete it, and the next start makes a good one"
        )
    return tokens
