"""Settings of what a running node serves to programs and people: the HTTP API, metrics and traces."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from p2pnode.amounts import JOY, MAX_AMOUNT
from p2pnode.settings import Setting


def _check_listen(value: str) -> str | None:
    right = "write an IP address and a port, for example 127.0.0.1:8420; port 0 takes a free one"
    try:
        parts = urlsplit(f"//{value}")
        ipaddress.ip_address(parts.hostname or "")
        return None if parts.port is not None else right
    except ValueError:
        return right


def _check_endpoint(value: str) -> str | None:
    right = "use an http:// or https:// URL, for example http://127.0.0.1:4318, or leave it empty"
    return None if not value or value.startswith(("http://", "https://")) else right


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """The HTTP API, with metrics and the dashboard, for programs and people of this node."""

    enabled: Annotated[bool, Setting("Serve it.")] = True
    listen: Annotated[
        str, Setting("IP address and port; keep to 127.0.0.1 unless others need it.", check=_check_listen)
    ] = "127.0.0.1:8420"
    token_file: Annotated[
        Path, Setting("File (mode 0600) with the bearer tokens, one a line; made with one when missing.")
    ] = Path("api.token")
    open: Annotated[
        bool, Setting("Answer without a token; only on this machine's own addresses (127.0.0.1, ::1).")
    ] = False
    price_max: Annotated[
        int,
        Setting(
            "Most to pay for a task of a caller who names no price, in the smallest unit.", 0, MAX_AMOUNT
        ),
    ] = JOY // 20
    trace_endpoint: Annotated[
        str,
        Setting(
            "OTLP/HTTP collector that gets a trace of each task; empty sends none. Needs p2pnode[otel].",
            check=_check_endpoint,
        ),
    ] = ""
