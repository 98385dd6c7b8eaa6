"""Client of Bento, RISC Zero's proving cluster, over its REST API.

Routes and JSON are those of bento/crates/api/src/lib.rs in risc0's branch release-3.0, kept since then in
boundless-xyz/boundless; the crate `bonsai-sdk` speaks them for Rust. Answers are hostile: sizes and times are
bounded, identifiers checked. URLs in answers are not followed: they are the same routes at the name under
which the API was asked, always http, so that behind a proxy that ends TLS token and input would travel in
the clear, and a hostile answer could send them anywhere. What is asked is the configured address alone.
"""

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import trio

from p2pnode.errors import ProverError

MAX_RECEIPT: Final = 64 << 20
"""Bytes; a succinct receipt has a quarter of a million, a composite one about that a segment."""
_MAX_ANSWER: Final = 64 << 10
_CALL_SECONDS: Final = 30.0
_TRANSFER_SECONDS: Final = 600.0
_SHOWN: Final = 200
"""Letters of the cluster's own words that an error quotes."""


class ClusterError(ProverError):
    """The cluster cannot prove this job; the message names the setting and the remedy."""


class UnreachableError(ClusterError):
    """It did not answer, or only with a failure of its own: worth another try.

    `sent` tells whether the request may have had its effect.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Status:
    """Of a session: `name` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; `detail` is its own words."""

    name: str
    detail: str


class Bento:
    """One cluster. Made by `open_bento`."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url

    async def has_image(self, image_id: bytes) -> bool:
        """Whether the program is there. Also what tells an address and a token that work from others."""
        status, _ = await self._call("GET", f"/images/upload/{image_id.hex()}")
        # 204 No Content is how the API says that it exists.
        return status == 204

    async def upload_image(self, image_id: bytes, program: bytes) -> None:
        """Send the program, of which the cluster computes the image ID itself."""
        await self._call("PUT", f"/images/upload/{image_id.hex()}", content=program)

    async def upload_input(self, stdin: bytes) -> str:
        """Send what the guest reads; returns the input's identifier."""
        _, body = await self._call("GET", "/inputs/upload")
        found = _identifier(body)
        await self._call("PUT", f"/inputs/upload/{found}", content=stdin)
        return found

    async def create_session(self, image_id: bytes, input_id: str) -> str:
        """Start proving; returns the session's identifier."""
        request = {
            "img": image_id.hex(),
            "input": input_id,
            "assumptions": [],
            "execute_only": False,
            "exec_cycle_limit": None,
        }
        _, body = await self._call("POST", "/sessions/create", document=request)
        return _identifier(body)

    async def status(self, session: str) -> Status:
        """How far a session is."""
        _, body = await self._call("GET", f"/sessions/status/{session}")
        found = _document(body)
        name = found.get("status")
        if not isinstance(name, str):
            raise ClusterError(f"prover.cluster_url: a session's status is {name!r:.100}; is it Bento's API?")
        return Status(_words(name), _words(found.get("error_msg") or found.get("state") or ""))

    async def receipt(self, session: str) -> bytes:
        """The receipt of a session that succeeded: RISC Zero's `Receipt` as bincode, unchecked."""
        _, body = await self._call("GET", f"/receipts/stark/receipt/{session}", most=MAX_RECEIPT)
        return body

    async def _call(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        document: dict[str, Any] | None = None,
        most: int = _MAX_ANSWER,
    ) -> tuple[int, bytes]:
        large = content is not None or most > _MAX_ANSWER
        seconds = _TRANSFER_SECONDS if large else _CALL_SECONDS
        body = bytearray()
        try:
            with trio.fail_after(seconds):
                request = self._http.stream(method, self._url + path, content=content, json=document)
                # Cancelled rather than left: only so are all of httpx's nested generators closed.
                async with request as response:
                    with trio.CancelScope() as reading:
                        # Raw: a small answer that unpacks to gigabytes stays small.
                        async for part in response.aiter_raw():
                            body += part
                            if len(body) > most:
                                reading.cancel()
        except trio.TooSlowError:
            raise self._unreachable(f"no answer within {seconds:g} s", sent=True) from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(str(error) or type(error).__name__, sent=False) from error
        except httpx.HTTPError as error:
            raise self._unreachable(str(error) or type(error).__name__, sent=True) from error
        if len(body) > most:
            raise ClusterError(
                f"prover.cluster_url: {method} {path} answered more than {most} bytes; is it Bento's API?"
            )
        self._refuse(method, path, response.status_code, bytes(body))
        return response.status_code, bytes(body)

    def _unreachable(self, reason: str, *, sent: bool) -> UnreachableError:
        remedy = "start the cluster, correct the setting, or empty it to prove on this machine"
        return UnreachableError(
            f"prover.cluster_url {self._url} is not reached: {_words(reason)}; {remedy}", sent=sent
        )

    def _refuse(self, method: str, path: str, status: int, body: bytes) -> None:
        if 200 <= status < 300:
            return
        said = _words(body.decode(errors="replace"))
        if status in (401, 403):
            raise ClusterError(
                f"prover.cluster_token_file: {self._url} refuses the token (HTTP {status}); "
                "write the one that it accepts into that file"
            )
        if b"ImageIdMismatch" in body or b"ImageInvalid" in body:
            raise ClusterError(
                f"prover.cluster_url: the cluster comes to another image ID ({said}), so it runs another "
                "version of RISC Zero; give it one of the 3.0 releases"
            )
        if status >= 500:
            raise self._unreachable(f"{method} {path} answered HTTP {status}: {said}", sent=True)
        raise ClusterError(
            f"prover.cluster_url: {method} {path} answered HTTP {status}: {said}; is it Bento's REST API?"
        )


@asynccontextmanager
async def open_bento(url: str, token: str, risc0_version: str) -> AsyncIterator[Bento]:
    """A client of the cluster at `url`; an empty token sends none."""
    headers = {"x-risc0-version": risc0_version, "accept-encoding": "identity"}
    if token:
        headers["x-api-key"] = token
    async with httpx.AsyncClient(headers=headers, timeout=_CALL_SECONDS, follow_redirects=False) as http:
        yield Bento(http, url.rstrip("/"))


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ClusterError(f"prover.cluster_url: it answered {body[:80]!r}, no JSON; is it Bento's REST API?")
    return found


def _identifier(body: bytes) -> str:
    """The `uuid` of an answer, which becomes part of a path: nothing but a UUID is let through."""
    found = _document(body).get("uuid")
    try:
        return str(uuid.UUID(found))
    except (AttributeError, TypeError, ValueError):
        raise ClusterError(
            f"prover.cluster_url: it answered {found!r:.100} for an identifier; is it Bento's REST API?"
        ) from None


def _words(text: object) -> str:
    """A stranger's text as part of a line of the log."""
    line = " ".join(str(text)[: 4 * _SHOWN].split())
    return "".join(letter for letter in line if letter.isprintable())[:_SHOWN]
