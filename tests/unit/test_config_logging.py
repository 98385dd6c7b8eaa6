"""What a log line looks like, and what never gets into one."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from p2pnode.log import configure_logging


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_an_event_is_one_json_line() -> None:
    stream = io.StringIO()
    configure_logging("info", stream=stream)
    structlog.get_logger().info("offer.published", task_id=b"\x01\x02", seconds=0.5, model="digits")
    event = json.loads(stream.getvalue())
    assert event["event"] == "offer.published"
    assert (event["task_id"], event["seconds"], event["level"]) == ("0x0102", 0.5, "info")
    assert event["timestamp"].endswith("Z")


def test_secrets_never_get_through() -> None:
    stream = io.StringIO()
    configure_logging("debug", stream=stream, secrets=["tulip-19"])
    log = structlog.get_logger()
    log.info("opened tulip-19", password="a", nested={"private_key": "b", "why": ["tulip-19"]})
    try:
        raise ValueError("bad tulip-19")
    except ValueError:
        log.exception("failed")
    logging.getLogger("other").warning("said %s", "tulip-19")
    text = stream.getvalue()
    assert "tulip-19" not in text
    assert '"password": "[redacted]"' in text
    assert '"private_key": "[redacted]"' in text
    assert len(text.splitlines()) == 3


def test_the_level_holds_and_other_libraries_are_quiet() -> None:
    stream = io.StringIO()
    configure_logging("info", stream=stream)
    structlog.get_logger().debug("hidden")
    logging.getLogger("web3.manager").info("hidden")
    logging.getLogger("web3.manager").error("shown")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["shown"]


def test_the_human_form_is_no_json() -> None:
    stream = io.StringIO()
    configure_logging("info", "human", stream=stream)
    structlog.get_logger().info("bid.received", price=3)
    assert "bid.received" in stream.getvalue()
    assert "{" not in stream.getvalue()
