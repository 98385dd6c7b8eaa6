"""Who may use the API: bearer tokens, and without them this machine only.

A page in the operator's own browser can send requests to 127.0.0.1 too. It must not spend: a request needs
the token, or else, where the API is open, a Host that names this machine (against DNS rebinding) and no
foreign Origin (against cross-site requests).
"""

import hashlib
import hmac
import ipaddress
from typing import Final
from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

from p2pnode.config_api import ApiConfig
from p2pnode.errors import ConfigError
from p2pnode.tokens import read_tokens

COOKIE: Final = "p2pnode_token"


class Access:
    """The rules for one server. Made by `load_access`."""

    def __init__(self, tokens: tuple[str, ...]) -> None:
        self._digests = tuple(_digest(token) for token in tokens)

    @property
    def is_open(self) -> bool:
        """Whether no token is asked for."""
        return not self._digests

    def knows(self, token: str) -> bool:
        """Whether a token is one of those in the file; takes as long for every wrong one."""
        given = _digest(token)
        return sum(hmac.compare_digest(given, known) for known in self._digests) > 0

    def problem(self, headers: Headers, cookie: str | None, *, changes: bool) -> str | None:
        """Why a request is refused, None if it is not. `changes` says that it can spend or alter."""
        origin, host = headers.get("Origin"), headers.get("Host", "")
        foreign = origin is not None and urlsplit(origin).netloc != host
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if self.is_open:
            if not is_local(urlsplit(f"//{host}").hostname or ""):
                return f"Host is {host!r:.80}; without tokens only this machine's own addresses are answered"
            return "the request comes from another site's page" if foreign else None
        if scheme.lower() == "bearer" and self.knows(token.strip()):
            return None
        if cookie is not None and self.knows(cookie):
            # A browser sends the cookie by itself: what changes anything must come from our own pages.
            return "the request comes from another site's page" if changes and foreign else None
        return "no valid token; send `Authorization: Bearer TOKEN` with one of api.token_file"


def load_access(config: ApiConfig, address: str) -> Access:
    """The tokens of `config`, made when there is no file yet. `address` is where the server listens.

    Raises ConfigError: an API without tokens must not be reachable from elsewhere.
    """
    if config.open:
        if not is_local(address):
            raise ConfigError(
                f"api.open = true, and api.listen {address} can be reached from other machines: anyone there "
                "could spend this node's escrow; set api.open = false, or listen on 127.0.0.1"
            )
        return Access(())
    return Access(read_tokens(config.token_file, create=True))


def is_local(host: str) -> bool:
    """Whether a host names this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
