"""Where blocks come from over HTTP: gateways (trustless gateway specification) and Kubo's RPC.

A gateway is anyone's server and an RPC endpoint is one's own node; neither is trusted with more than bytes.
Calls block.
"""

import json
from collections.abc import Mapping
from typing import Protocol

import requests

from p2pnode.errors import NetworkError
from p2pnode.ipfs.blocks import MAX_BLOCK, Cid
from p2pnode.ipfs.unixfs import Profile

SECONDS = 30.0
PART = 64 << 10


class BlockSource(Protocol):
    """Gives the bytes that are said to be a block. Raises NetworkError."""

    def block(self, cid: Cid) -> bytes: ...


class Gateway:
    """A gateway by its base URL: `GET /ipfs/<cid>?format=raw`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()

    def block(self, cid: Cid) -> bytes:
        """A block of at most 2 MiB."""
        headers = {"Accept": "application/vnd.ipld.raw"}
        return _bytes(self._session, "GET", f"{self._url}/ipfs/{cid}", {"format": "raw"}, headers)


class Kubo:
    """Kubo's RPC by its base URL, such as http://127.0.0.1:5001. All its calls are POST."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()

    def block(self, cid: Cid) -> bytes:
        """A block of at most 2 MiB."""
        return _bytes(self._session, "POST", f"{self._url}/api/v0/block/get", {"arg": str(cid)}, {})

    def add(self, name: str, data: bytes, profile: Profile) -> str:
        """Add and pin a file under `profile`; the CID that Kubo says."""
        options = {
            "cid-version": str(profile.cid_version),
            "raw-leaves": str(profile.raw_leaves).lower(),
            "chunker": f"size-{profile.chunk_size}",
            "max-file-links": str(profile.max_links),
            "pin": "true",
            "progress": "false",
        }
        url = f"{self._url}/api/v0/add"
        try:
            answer = self._session.post(url, params=options, files={"file": (name, data)}, timeout=SECONDS)
            _check(answer, url)
            # One JSON object a line, the last one for the file itself.
            return str(json.loads(answer.text.strip().splitlines()[-1])["Hash"])
        except requests.RequestException as error:
            raise NetworkError(f"{url}: {error}") from error
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise NetworkError(f"{url} answered something else than the RPC's JSON") from error


def _bytes(
    session: requests.Session, method: str, url: str, params: Mapping[str, str], headers: Mapping[str, str]
) -> bytes:
    """An answer's body, never more than a block may have."""
    try:
        with session.request(
            method, url, params=params, headers=headers, timeout=SECONDS, stream=True
        ) as answer:
            _check(answer, url)
            body = bytearray()
            for part in answer.iter_content(PART):
                body += part
                if len(body) > MAX_BLOCK:
                    raise NetworkError(f"{url} answers with more than the {MAX_BLOCK} bytes of a block")
            return bytes(body)
    except requests.RequestException as error:
        raise NetworkError(f"{url}: {error}") from error


def _check(answer: requests.Response, url: str) -> None:
    if answer.status_code != 200:
        text = answer.raw.read(300, decode_content=True) if answer.raw is not None else b""
        words = "".join(c if c.isprintable() else " " for c in text.decode("utf-8", "replace"))
        raise NetworkError(f"{url}: HTTP status {answer.status_code} {words}".rstrip())
