"""A server that speaks Bento's REST API, for tests of its client: the routes, codes and JSON of
bento/crates/api/src/lib.rs, without the database, the queue and the GPUs behind it.

What it proves with is handed to it, so that a test may put a real prover there.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Prove = Callable[[bytes, bytes], bytes]
"""From a program and its input to a receipt; what it raises is the reason of a session that FAILED."""
Answer = tuple[int, bytes]


class StandIn:
    """The cluster's state. `faults` maps the beginning of a route, as `GET /sessions`, to what to answer."""

    def __init__(self, prove: Prove, token: str = "") -> None:
        self.prove = prove
        self.token = token
        self.faults: dict[str, Answer] = {}
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.images: dict[str, bytes] = {}
        self.inputs: dict[str, bytes] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.receipts: dict[str, bytes] = {}
        self.held = threading.Event()
        self.held.set()
        self.url = ""

    def hold(self) -> None:
        """Let sessions run until `release`."""
        self.held.clear()

    def release(self) -> None:
        """Let sessions end."""
        self.held.set()

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """What the API says."""
        for start, fault in self.faults.items():
            if f"{method} {path}".startswith(start):
                return fault
        parts = path.strip("/").split("/")
        match method, parts:
            case "GET", ["images", "upload", image] if image in self.images:
                return 204, b""
            case "GET", ["images", "upload", _]:
                # As Bento answers behind a proxy: not the address that was asked.
                return 200, _json(url=f"http://elsewhere.invalid{path}")
            case "PUT", ["images", "upload", image]:
                self.images[image] = body
                return 200, b""
            case "GET", ["inputs", "upload"]:
                found = str(uuid.uuid4())
                return 200, _json(url=f"http://elsewhere.invalid{path}/{found}", uuid=found)
            case "PUT", ["inputs", "upload", found]:
                self.inputs[found] = body
                return 200, b""
            case "POST", ["sessions", "create"]:
                return self._create(json.loads(body))
            case "GET", ["sessions", "status", session] if session in self.sessions:
                return 200, _json(**self.sessions[session])
            case "GET", ["receipts", "stark", "receipt", session] if session in self.receipts:
                return 200, self.receipts[session]
        return 404, _json(type="ReceiptMissing", msg=path)

    def _create(self, request: dict[str, Any]) -> Answer:
        assert set(request) == {"img", "input", "assumptions", "execute_only", "exec_cycle_limit"}
        assert request["assumptions"] == []
        assert request["execute_only"] is False
        session = str(uuid.uuid4())
        self.sessions[session] = _state("RUNNING")
        arguments = (session, self.images[request["img"]], self.inputs[request["input"]])
        threading.Thread(target=self._run, args=arguments, daemon=True).start()
        return 200, _json(uuid=session)

    def _run(self, session: str, program: bytes, stdin: bytes) -> None:
        self.held.wait()
        try:
            self.receipts[session] = self.prove(program, stdin)
            self.sessions[session] = _state("SUCCEEDED", receipt_url="http://elsewhere.invalid/receipt")
        except Exception as error:
            self.sessions[session] = _state("FAILED", error_msg=str(error))


def _state(status: str, **more: str) -> dict[str, Any]:
    return {
        "status": status,
        "state": "",
        "receipt_url": None,
        "error_msg": None,
        "elapsed_time": None,
        "stats": None,
        **more,
    }


def _json(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """Serve on a port of this machine; sets `url`."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stand_in.calls.append(f"{self.command} {self.path}")
            stand_in.headers.append({name.lower(): value for name, value in self.headers.items()})
            if stand_in.token and self.headers.get("x-api-key") != stand_in.token:
                status, answer = 401, b"who are you"
            else:
                status, answer = stand_in.answer(self.command, self.path, body)
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if status != 204:
                self.wfile.write(answer)

        do_GET = do_PUT = do_POST = respond

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.release()
        server.shutdown()
        thread.join()
        server.server_close()
