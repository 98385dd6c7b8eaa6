"""CIDs of files against published ones, and import and export against a stand-in that speaks the HTTP APIs.

The vectors are those that Kubo (test/cli/cid_profiles_test.go) and js-ipfs-unixfs publish for IPIP-499; their
content is the ChaCha20 key stream (RFC 8439, zero nonce) under the SHA-256 of a seed.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner
from Crypto.Cipher import ChaCha20
from hypothesis import given
from hypothesis import strategies as st

from p2pnode.cli.main import main
from p2pnode.errors import NetworkError, ProtocolError
from p2pnode.ipfs import KUBO_V1, V0_2015, V1_2025, Gateway, Kubo, Profile, export_file, file_cid, import_file
from p2pnode.ipfs.blocks import DAG_PB, RAW, Cid, FileNode, Link, decode_node, encode_node
from p2pnode.ipfs.unixfs import cid_of_chunks

MIB = 1 << 20


def key_stream(seed: str, size: int) -> bytes:
    cipher = ChaCha20.new(key=hashlib.sha256(seed.encode()).digest(), nonce=bytes(12))
    return cipher.encrypt(bytes(size))


def cid_of_bytes(data: bytes, profile: Profile) -> str:
    parts = (data[i : i + profile.chunk_size] for i in range(0, len(data), profile.chunk_size))
    return cid_of_chunks(parts, profile)


@pytest.mark.parametrize(
    ("profile", "data", "cid"),
    [
        (V0_2015, b"", "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"),
        (V0_2015, b"hello world", "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"),
        (V1_2025, b"hello world", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
        (KUBO_V1, b"", "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
    ],
)
def test_small_files(profile: Profile, data: bytes, cid: str) -> None:
    assert cid_of_bytes(data, profile) == cid


@pytest.mark.parametrize(
    ("profile", "seed", "size", "cid"),
    [
        (V0_2015, "chunk-v0-seed", 262_144, "QmWmRj3dFDZdb6ABvbmKhEL6TmPbAfBZ1t5BxsEyJrcZhE"),
        (V0_2015, "chunk-v0-seed", 262_145, "QmYyLxtzZyW22zpoVAtKANLRHpDjZtNeDjQdJrcQNWoRkJ"),
        (V0_2015, "v0-seed", 174 * 262_144, "QmUbBALi174SnogsUzLpYbD4xPiBSFANF4iztWCsHbMKh2"),
        (V0_2015, "v0-seed", 174 * 262_144 + 1, "QmV81WL765sC8DXsRhE5fJv2rwhS4icHRaf3J9Zk5FdRnW"),
        (V1_2025, "chunk-v1-seed", MIB, "bafkreiacndfy443ter6qr2tmbbdhadvxxheowwf75s6zehscklu6ezxmta"),
        (V1_2025, "chunk-v1-seed", MIB + 1, "bafybeigmix7t42i6jacydtquhet7srwvgpizfg7gjbq7627d35mjomtu64"),
    ],
)
def test_files_of_several_chunks_and_levels(
    tmp_path: Path, profile: Profile, seed: str, size: int, cid: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(key_stream(seed, size))
    assert file_cid(path, profile) == cid


def test_the_file_that_go_and_js_agree_on() -> None:
    """45,900,000 zeros, which js-ipfs-unixfs checks against go-ipfs: 176 leaves, so two levels above them."""
    chunks = [bytes(V0_2015.chunk_size)] * (45_900_000 // V0_2015.chunk_size)
    rest = bytes(45_900_000 % V0_2015.chunk_size)
    assert cid_of_chunks([*chunks, rest], V0_2015) == "QmRdPboiJQoZ5cdazR9a8vGqdJvWg6M5bfdtUSKNHpuscj"


@given(
    st.binary(max_size=50),
    st.lists(st.tuples(st.binary(min_size=34, max_size=36), st.integers(0, 2**63)), max_size=5),
)
def test_nodes_survive_encoding(data: bytes, links: list[tuple[bytes, int]]) -> None:
    node = FileNode(data, tuple(Link(*link) for link in links), tuple(range(len(links))))
    assert decode_node(encode_node(node)) == node


@given(st.binary(max_size=200))
def test_any_bytes_are_a_node_or_refused(data: bytes) -> None:
    try:
        decode_node(data)
    except ProtocolError:
        return


class Ipfs:
    """Stands in for an IPFS node: blocks by CID over the gateway's and the RPC's documented paths."""

    def __init__(self) -> None:
        self.blocks: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.added_as: str | None = None

    def add(self, data: bytes, profile: Profile) -> str:
        """Cut a file up as `profile` says, by the code that the vectors above check."""
        leaves = []
        for start in range(0, max(1, len(data)), profile.chunk_size):
            chunk = data[start : start + profile.chunk_size]
            block = chunk if profile.raw_leaves else encode_node(FileNode(chunk, (), ()))
            cid = self.keep(block, RAW if profile.raw_leaves else DAG_PB, profile.cid_version)
            leaves.append((Cid.parse(cid).binary, len(block), len(chunk)))
        if len(leaves) == 1:
            return cid
        links = tuple(Link(found, size) for found, size, _ in leaves)
        root = encode_node(FileNode(b"", links, tuple(size for _, _, size in leaves)))
        return self.keep(root, DAG_PB, profile.cid_version)

    def keep(self, block: bytes, codec: int, version: int = 1) -> str:
        cid = str(Cid.of(block, codec, version))
        self.blocks[cid] = block
        return cid


@pytest.fixture
def ipfs() -> Iterator[tuple[Ipfs, str]]:
    node = Ipfs()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, query = self._asked()
            raw = query.get("format") == ["raw"] and self.headers["Accept"] == "application/vnd.ipld.raw"
            found = node.blocks.get(path.removeprefix("/ipfs/")) if raw else None
            self._answer(found)

        def do_POST(self) -> None:
            path, query = self._asked()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if path == "/api/v0/block/get":
                self._answer(node.blocks.get(query["arg"][0]))
            elif path == "/api/v0/add":
                start = body.index(b"\r\n\r\n") + 4
                data = body[start : body.rindex(b"\r\n--")]
                profile = Profile(
                    int(query["cid-version"][0]),
                    query["raw-leaves"] == ["true"],
                    int(query["chunker"][0].removeprefix("size-")),
                    int(query["max-file-links"][0]),
                )
                cid = node.added_as or node.add(data, profile)
                lines = [{"Name": "x", "Bytes": 1}, {"Name": "x", "Hash": cid, "Size": str(len(data))}]
                self._answer("\n".join(map(json.dumps, lines)).encode())
            else:
                self._answer(None)

        def _asked(self) -> tuple[str, dict[str, list[str]]]:
            parts = urlsplit(self.path)
            node.asked.append(parts.path)
            return parts.path, parse_qs(parts.query)

        def _answer(self, body: bytes | None) -> None:
            self.send_response(200 if body is not None else 404)
            body = b"block was not found locally\n" if body is None else body
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield node, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", [Gateway, Kubo])
@pytest.mark.parametrize("profile", [V0_2015, KUBO_V1, V1_2025])
@pytest.mark.parametrize("size", [0, 1, 3 * MIB + 5])
def test_import(ipfs: tuple[Ipfs, str], kind: Any, profile: Profile, size: int) -> None:
    node, url = ipfs
    data = key_stream("model", size)
    cid = node.add(data, profile)
    assert cid == cid_of_bytes(data, profile)
    parts: list[bytes] = []
    source = kind(url)
    assert import_file(source, cid, size, parts.append) == size
    assert b"".join(parts) == data
    source._session.close()


def importing(url: str, cid: str, max_size: int = 10 * MIB) -> bytes:
    parts: list[bytes] = []
    source = Gateway(url)
    try:
        import_file(source, cid, max_size, parts.append)
    finally:
        source._session.close()
    return b"".join(parts)


def test_wrong_block_is_refused_before_a_byte_of_it_is_written(ipfs: tuple[Ipfs, str]) -> None:
    node, url = ipfs
    data = key_stream("model", 600_000)
    cid = node.add(data, V0_2015)
    last = list(node.blocks)[2]
    node.blocks[last] = node.blocks[last][:-1] + b"!"
    parts: list[bytes] = []
    source = Gateway(url)
    with pytest.raises(ProtocolError, match=f"block served for {last} does not hash to it"):
        import_file(source, cid, MIB, parts.append)
    source._session.close()
    assert b"".join(parts) == data[:524_288]


def test_import_over_the_cap_or_of_something_else(ipfs: tuple[Ipfs, str]) -> None:
    node, url = ipfs
    cid = node.add(bytes(600_000), V0_2015)
    with pytest.raises(NetworkError, match="600000 bytes, 1000 allowed"):
        importing(url, cid, 1000)
    with pytest.raises(ProtocolError, match="UnixFS type 1 is no file"):
        importing(url, node.keep(bytes.fromhex("0a020801"), DAG_PB))
    with pytest.raises(NetworkError, match="HTTP status 404 block was not found"):
        importing(url, str(Cid.of(b"unknown", RAW, 1)))
    for bad in ("", "hello", "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQ", "bafyreib" + "a" * 51):
        with pytest.raises(ProtocolError, match="CID"):
            importing(url, bad)
    with pytest.raises(NetworkError, match=r"http://127\.0\.0\.1:9"):
        importing("http://127.0.0.1:9", cid)


def test_tree_that_lies_about_its_sizes_or_never_ends(ipfs: tuple[Ipfs, str]) -> None:
    node, url = ipfs
    leaf = Cid.parse(node.keep(b"five!", RAW)).binary
    lying = node.keep(encode_node(FileNode(b"", (Link(leaf, 5),), (6,))), DAG_PB)
    with pytest.raises(ProtocolError, match="holds 5 bytes of the file, its parent says 6"):
        importing(url, lying)
    deep = leaf
    for _ in range(20):
        deep = Cid.parse(node.keep(encode_node(FileNode(b"", (Link(deep, 5),), (5,))), DAG_PB)).binary
    with pytest.raises(ProtocolError, match="more than 16 levels"):
        importing(url, str(Cid.from_binary(deep)))
    huge = node.keep(bytes(3 * MIB), RAW)
    with pytest.raises(NetworkError, match="more than the 2097152 bytes of a block"):
        importing(url, huge)


def test_export_is_named_as_computed(ipfs: tuple[Ipfs, str], tmp_path: Path) -> None:
    node, url = ipfs
    path = tmp_path / "model.onnx"
    path.write_bytes(key_stream("model", 2 * MIB + 7))
    kubo = Kubo(url)
    for profile in (V0_2015, KUBO_V1, V1_2025):
        cid = export_file(kubo, path, profile)
        assert cid == file_cid(path, profile)
        assert importing(url, cid) == path.read_bytes()
    node.added_as = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"
    with pytest.raises(ProtocolError, match=r"added .* as QmbFMke1"):
        export_file(kubo, path, V0_2015)
    kubo._session.close()


def test_commands(ipfs: tuple[Ipfs, str], tmp_path: Path) -> None:
    node, url = ipfs
    data = key_stream("model", 300_000)
    path, out = tmp_path / "model.onnx", tmp_path / "out.onnx"
    path.write_bytes(data)

    def run(*arguments: object, code: int = 0) -> dict[str, Any]:
        result = CliRunner().invoke(main, ["ipfs", *map(str, arguments), "--json"])
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if code == 0 else {"error": result.stderr}

    named = run("cid", path, "--profile", "unixfs-v0-2015")
    assert named["digest"] == "0x" + hashlib.sha256(data).hexdigest()
    assert run("export", path, "--api", url, "--profile", "unixfs-v0-2015") == {"ipfs": named["ipfs"]}
    for option in ("--api", "--gateway"):
        got = run("import", named["ipfs"], option, url, "--out", out)
        assert got["cid"] == named["cid"]
        assert out.read_bytes() == data
        assert "exists already" in run("import", named["ipfs"], option, url, "--out", out, code=2)["error"]
        out.unlink()
    node.blocks = dict.fromkeys(node.blocks, b"other")
    assert "does not hash" in run("import", named["ipfs"], "--api", url, "--out", out, code=1)["error"]
    assert "one of the two" in run("import", named["ipfs"], "--out", out, code=2)["error"]
    assert [found.name for found in tmp_path.iterdir()] == ["model.onnx"]
