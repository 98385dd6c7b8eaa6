"""`p2pnode content` on the folder of a node that does not run."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from p2pnode.cli.main import main
from p2pnode.network.blob_store import BlobStore
from p2pnode.protocol.cid import content_digest, to_cid

ONE, TWO = b"one" * 1000, b"two"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A node's folder with one pinned and one fetched blob, and the partial of a third."""
    (tmp_path / "p2pnode.toml").write_text("")
    store = BlobStore(tmp_path / "blobs", 1 << 30)
    store.put(ONE)
    store.unpin(store.put(TWO))
    store.begin(content_digest(b"three"), 5, [content_digest(b"three")])
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["content", *arguments, "--config", str(folder / "p2pnode.toml")])


def found(folder: Path, *arguments: str) -> Any:
    result = run(folder, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def pins(folder: Path) -> dict[str, bool]:
    return {item["cid"]: item["pinned"] for item in found(folder, "list")["content"]}


def cid(data: bytes) -> str:
    return to_cid(content_digest(data))


def test_list_shows_what_is_whole_and_what_all_of_it_takes(folder: Path) -> None:
    listed = found(folder, "list")
    assert pins(folder) == {cid(ONE): True, cid(TWO): False}
    assert {item["size"] for item in listed["content"]} == {3000, 3}
    assert listed["used"] == 3008
    assert listed["quota"] == 20480 << 20
    assert "of 20480 MiB used" in run(folder, "list").output


def test_pin_and_unpin(folder: Path) -> None:
    assert not found(folder, "pin", cid(TWO))["fetched"]
    found(folder, "unpin", cid(ONE))
    assert pins(folder) == {cid(ONE): False, cid(TWO): True}


def test_what_is_pinned_is_not_removed(folder: Path) -> None:
    refused = run(folder, "remove", cid(ONE))
    assert refused.exit_code == 3
    assert "unpin it first" in refused.stderr
    found(folder, "unpin", cid(ONE))
    assert found(folder, "remove", cid(ONE))["freed"] == 3000
    assert found(folder, "remove", cid(b"three"))["freed"] == 5
    assert pins(folder) == {cid(TWO): False}
    assert found(folder, "list")["used"] == 3


@pytest.mark.parametrize("what", ["pin", "unpin", "remove"])
def test_content_that_is_not_here_is_one_line(folder: Path, what: str) -> None:
    result = run(folder, what, cid(b"nowhere"))
    assert result.exit_code == 3
    assert "not kept here" in result.stderr
    assert run(folder, what, "nonsense").exit_code == 2
