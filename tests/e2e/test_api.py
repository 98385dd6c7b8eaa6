"""The HTTP API and its clients on a real network: asked, answered, proved, settled, verified."""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput  # type: ignore[import-untyped]
from tritonclient.utils import InferenceServerException  # type: ignore[import-untyped]

import p2pnode
from p2pnode.amounts import JOY
from p2pnode.api.http.money import joy_text
from p2pnode.errors import InferenceError, MarketError
from tests.e2e.api_network import MODEL, ApiNetwork, digit

pytestmark = pytest.mark.e2e


@pytest.fixture
def triton(api_network: ApiNetwork) -> Iterator[InferenceServerClient]:
    client = InferenceServerClient(api_network.url.removeprefix("http://"), network_timeout=120.0)
    yield client
    client.close()


def client(network: ApiNetwork) -> p2pnode.SyncClient:
    return p2pnode.SyncClient(network.url, token_file=network.token_file, progress=False)


def test_tritons_client_works_unchanged(api_network: ApiNetwork, triton: InferenceServerClient) -> None:
    headers = api_network.headers
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready(MODEL, headers=headers)
    assert [item["name"] for item in triton.get_model_repository_index(headers=headers)] == [MODEL]
    metadata = triton.get_model_metadata(MODEL, headers=headers)
    (taken,) = metadata["inputs"]
    assert (taken["datatype"], taken["shape"]) == ("UINT8", [1, 64])
    image, label = digit()
    for binary in (True, False):
        tensor = InferInput(taken["name"], [1, 64], "UINT8")
        tensor.set_data_from_numpy(image, binary_data=binary)
        wanted = [InferRequestedOutput("digit", binary_data=binary)]
        # The client writes into the headers that it is given.
        result = triton.infer(MODEL, [tensor], outputs=wanted, headers={**headers}, request_id="nine")
        assert result.as_numpy("digit").tolist() == [label]
        answer = result.get_response()
        assert answer["id"] == "nine"
        assert int(answer["parameters"]["price"]) >= 10**16


def test_triton_is_told_what_is_wrong(api_network: ApiNetwork, triton: InferenceServerClient) -> None:
    tensor = InferInput("x", [1], "FP32")
    tensor.set_data_from_numpy(np.zeros(1, np.float32))
    with pytest.raises(InferenceServerException, match="the model takes"):
        triton.infer(MODEL, [tensor], headers=api_network.headers)
    with pytest.raises(InferenceServerException, match="nobody announced that name"):
        triton.infer("unheard", [tensor], headers=api_network.headers)
    with pytest.raises(InferenceServerException, match="no valid token"):
        triton.infer(MODEL, [tensor])


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_the_client_runs_on_both_loops(api_network: ApiNetwork, loop: str) -> None:
    image, label = digit()

    async def main() -> list[p2pnode.Inference]:
        async with p2pnode.Client(api_network.url, token=api_network.token, progress=False) as node:
            return await node.map(MODEL, [image[0], image.astype(np.int64)])

    for result in trio.run(main) if loop == "trio" else asyncio.run(main()):
        assert result["digit"].tolist() == [label]
        assert result.state == "answered"


def test_mistakes_are_named_before_anything_is_paid(api_network: ApiNetwork) -> None:
    image, _ = digit()
    with client(api_network) as node:
        with pytest.raises(InferenceError, match="does not fit uint8"):
            node.infer(MODEL, image + 0.5)
        with pytest.raises(InferenceError, match=r"the model takes \(1, 64\)"):
            node.infer(MODEL, image[:, :7])
        with pytest.raises(MarketError, match="deposit"):
            node.infer(MODEL, image, price_max=1000)
    stranger = p2pnode.SyncClient(api_network.url, token="not-the-token-at-all")
    with stranger, pytest.raises(p2pnode.ApiError, match="token_file="):
        stranger.status()
    nowhere = p2pnode.SyncClient("http://127.0.0.1:1")
    with nowhere, pytest.raises(p2pnode.ApiError, match="p2pnode run"):
        nowhere.status()


def test_a_settled_task_has_a_receipt_that_holds_anywhere(
    api_network: ApiNetwork, settled: p2pnode.Inference, tmp_path: Path
) -> None:
    assert settled.state == "settled"
    with client(api_network) as node:
        here = node.verify(settled)
        file = tmp_path / "receipt.json"
        file.write_text(node.receipt(settled))
        task = node.task(settled)
    assert here["valid"], here
    assert len(here["checks"]) == 4
    found = subprocess.run(
        [sys.executable, "-m", "p2pnode", "verify", file, "--json"], capture_output=True, check=False
    )
    assert json.loads(found.stdout)["valid"]
    names = [step["event"] for step in task["timeline"]]
    way = ["offer.published", "bid.received", "award.sent", "answer.received", "receipt.stored"]
    positions = [names.index(name) for name in way]
    assert positions == sorted(positions)


def test_a_stream_tells_the_whole_way_of_a_task(api_network: ApiNetwork, settled: p2pnode.Inference) -> None:
    names = []
    url, headers = f"{api_network.url}/v2/events?task={settled.task_id}", api_network.headers
    with httpx.stream("GET", url, headers=headers, timeout=60, trust_env=False) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
            if names and names[-1] == "receipt.stored":
                break
    assert names[0] == "offer.published"
    assert "answer.received" in names


def test_metrics_count_what_happened(api_network: ApiNetwork, settled: p2pnode.Inference) -> None:
    text = api_network.request("GET", "/metrics").text
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["p2pnode_peers",] >= 2
    assert samples["p2pnode_events_total", "receipt.stored"] >= 1
    assert samples["p2pnode_answer_seconds_count", "requester"] >= 1
    assert samples["p2pnode_spent_joy_total",] >= 0.012
    assert samples["p2pnode_joy", "escrow"] > 0
    assert samples["p2pnode_chain_reachable",] == 1


def test_a_worker_sees_what_it_earned_and_how_it_proved(
    api_network: ApiNetwork, settled: p2pnode.Inference
) -> None:
    task = api_network.ask_worker(f"/v2/tasks/{settled.task_id}").json()
    assert (task["role"], task["state"]) == ("worker", "settled")
    names = [step["event"] for step in task["timeline"]]
    way = ["bid.sent", "award.received", "answer.sent", "proof.started", "proof.done", "settlement.confirmed"]
    assert [name for name in names if name in way] == way
    # Tasks of other tests may be settled by now too.
    found = re.search(r"^p2pnode_earned_joy_total (\S+)$", api_network.ask_worker("/metrics").text, re.M)
    assert found
    assert float(found[1]) * JOY >= settled.price * 0.999
    for path in ("/market", "/tasks", f"/tasks/{settled.task_id}"):
        assert joy_text(settled.price) in api_network.ask_worker(path).text, path
    for path in ("/", "/money"):
        assert re.search(r"0\.\d+ JOY", api_network.ask_worker(path).text), path


def test_top_tells_the_same_to_a_script(api_network: ApiNetwork, settled: p2pnode.Inference) -> None:
    config = api_network.devnet.requester.config
    command: list[str | Path] = [sys.executable, "-m", "p2pnode", "top", "--json", "--config", config]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert settled.task_id in [task["task_id"] for task in found["tasks"]]
    assert found["states"]["requester"]["settled"] == found["totals"]["requester"]["tasks"] >= 1
    assert [model["name"] for model in found["models"]] == [MODEL]


def test_the_plain_client_works_where_a_loop_runs(api_network: ApiNetwork) -> None:
    async def cell() -> int:
        with client(api_network) as node:
            return len(node.status()["peers"])

    assert asyncio.run(cell()) >= 2


def test_every_log_line_of_a_task_names_it(api_network: ApiNetwork, settled: p2pnode.Inference) -> None:
    task_id = settled.task_id.removeprefix("0x")
    for name in ("award.sent", "answer.received", "receipt.stored"):
        assert any(event["task_id"] == task_id and event["offer"] for event in api_network.events(name)), name


def test_a_collector_gets_the_trace_of_a_task(api_network: ApiNetwork, settled: p2pnode.Inference) -> None:
    with client(api_network) as node:
        trace_id = bytes.fromhex(node.task(settled)["offer"][2:34])
    deadline = time.monotonic() + 60
    while not any(trace_id in body for _, body in api_network.collector.bodies):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    bodies = b"".join(body for path, body in api_network.collector.bodies if path == "/v1/traces")
    assert b"auction" in bodies
    assert b"answer" in bodies


@pytest.mark.parametrize("path", ["/v2", "/v2/tasks", "/v2/receipts", "/v2/events", "/metrics", "/v2/status"])
def test_without_a_token_nothing_is_told(api_network: ApiNetwork, path: str) -> None:
    answer = api_network.request("GET", path, headers={})
    assert answer.status_code == 401
    assert "token" in answer.json()["error"]
