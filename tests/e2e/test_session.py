"""A session between real nodes: libp2p, the chain's contracts, ONNX Runtime, both ledgers, the client."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

import p2pnode
from p2pnode.amounts import JOY
from p2pnode.errors import P2PNodeError
from p2pnode.inference import read_inputs, read_model
from p2pnode.models import DIGITS, IMAGES, digit_images
from p2pnode.protocol.tensors import decode_tensors
from tests.e2e.api_network import MODEL, ApiNetwork
from tests.e2e.conftest import ROOT

pytestmark = pytest.mark.e2e

CALLS = 48
PRICE = JOY // 1000
SETTLED_SECONDS = 60


def images() -> list[tuple[Any, int]]:
    """Images of digits as the model takes them, and the digits."""
    _, info = read_model(DIGITS)
    return [
        (next(iter(decode_tensors(read_inputs(path, info)).values())), label)
        for path, label in digit_images()
    ]


def until_settled(network: ApiNetwork, session: str) -> dict[str, object]:
    """The session once its requester knows that it is paid."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while True:
        found: dict[str, object] = network.request("GET", f"/v2/sessions/{session}").json()
        if found["state"] == "settled":
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def test_many_calls_are_answered_and_paid_by_one_settlement(api_network: ApiNetwork) -> None:
    known = images()
    with (
        p2pnode.SyncClient(api_network.url, token_file=api_network.token_file, progress=False) as client,
        client.session(MODEL, price_per_call=0.001, most_calls=CALLS) as session,
    ):
        for number in range(CALLS):
            image, label = known[number % len(known)]
            answer = session.infer(image)
            assert answer["digit"].item() == label
            assert answer.task_id.endswith(f"/{number + 1}")
        with pytest.raises(P2PNodeError, match=f"all {CALLS} calls of the session are made"):
            session.infer(known[0][0])
        opened = session.asynchronous
    found = until_settled(api_network, opened.session)
    assert (found["calls"], found["paid_calls"], found["owed"]) == (CALLS, CALLS, "0")
    assert found["price"] == str(PRICE)
    # The network is shared: others' sessions are settled on it too.
    (settled,) = (
        e for e in api_network.events("session.settled") if e["session"] == opened.session.removeprefix("0x")
    )
    assert settled["paid"] == opened.opening_fee + CALLS * (PRICE + opened.model_fee)
    (theirs,) = (s for s in api_network.ask_worker("/v2/sessions").json() if s["session"] == opened.session)
    assert (theirs["role"], theirs["state"], theirs["paid_calls"]) == ("worker", "settled", CALLS)


def test_a_closed_session_takes_no_calls(api_network: ApiNetwork) -> None:
    with p2pnode.SyncClient(api_network.url, token_file=api_network.token_file, progress=False) as client:
        with client.session(MODEL, price_per_call=0.001, most_calls=2) as session:
            opened = session.asynchronous
        with pytest.raises(P2PNodeError, match="is not open on this node"):
            session.infer(images()[0][0])
    found = api_network.request("GET", f"/v2/sessions/{opened.session}").json()
    assert (found["calls"], found["owed"]) == (0, "0")


def test_a_worker_takes_no_session_below_its_price(api_network: ApiNetwork) -> None:
    body = {"model": MODEL, "price_per_call": "1", "most_calls": 5}
    answer: httpx.Response = api_network.request("POST", "/v2/sessions", json=body)
    assert answer.status_code == 409
    assert "price-too-low" in answer.json()["error"]


def command(network: ApiNetwork, *arguments: object) -> list[dict[str, Any]]:
    """`p2pnode session ... --json` of the requester, and what it printed."""
    node = network.devnet.requester
    ran = subprocess.run(
        [sys.executable, "-m", "p2pnode", "session", *map(str, arguments), "--json", "--config", node.config],
        cwd=node.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_the_command_line_opens_calls_closes_and_settles(api_network: ApiNetwork) -> None:
    known = digit_images()
    (opened,) = command(api_network, "open", DIGITS, "--price", "0.001", "--calls", 2 * len(known))
    name = str(opened["session"])
    assert (opened["state"], opened["price"], opened["calls"]) == ("open", str(PRICE), 0)
    *answers, state = command(api_network, "call", name[:12], IMAGES)
    assert [answer["outputs"]["digit"] for answer in answers] == [[label] for _, label in known]
    assert (state["state"], state["calls"]) == ("open", len(known))
    # Whoever restarts his shell goes on where he was.
    first, closed = command(api_network, "call", "last", known[0][0], "--close")
    assert first["call"] == len(known) + 1
    assert (closed["state"], closed["calls"]) == ("ended", len(known) + 1)
    assert until_settled(api_network, name)["paid_calls"] == len(known) + 1
    (listed,) = command(api_network, "list")
    (own,) = (one for one in listed["sessions"] if one["session"] == name)
    assert (own["role"], own["state"], own["owed"]) == ("requester", "settled", "0")
