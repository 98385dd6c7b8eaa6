"""Opens the API beside the node: the socket, who may use it, and the server on it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import structlog
from hypercorn.config import Config as ServerConfig
from hypercorn.trio import serve

from p2pnode.api.http.access import load_access
from p2pnode.api.http.application import create_application
from p2pnode.api.http.metrics import open_metrics
from p2pnode.api.http.service import Service
from p2pnode.background import open_background
from p2pnode.control import ControlHandlers
from p2pnode.errors import ConfigError
from p2pnode.node import Node

log = structlog.get_logger("p2pnode.api")


@asynccontextmanager
async def open_api(node: Node, handlers: ControlHandlers) -> AsyncIterator[str]:
    """Serve until the context ends; gives the URL. Raises ConfigError for a wrong address or token."""
    config = node.config.api
    where = urlsplit(f"//{config.listen}")
    host = where.hostname or ""
    access = load_access(config, host)
    listening = bound(host, where.port or 0)
    address, port = listening.getsockname()[:2]
    url = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
    server = ServerConfig()
    # The server takes the descriptor over and closes it.
    server.bind = [f"fd://{listening.detach()}"]
    server.errorlog = server.accesslog = None
    server.include_server_header = False
    server.graceful_timeout = 0.5
    server.keep_alive_timeout = 75
    async with open_metrics(node) as metrics:
        application = create_application(Service(node, handlers), access, metrics)
        async with open_background(partial(serve, application, server, mode="asgi")):
            log.info("api.ready", url=url, tokens="none" if access.is_open else str(config.token_file))
            yield url


def bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ConfigError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"api.listen {host}:{port}: {error.strerror}; choose another port, or api.enabled = false"
        ) from error
    return sock
