"""Imports point one way: parts know each other through ports only, and each library has one importer."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "p2pnode"
MODULES = sorted(PACKAGE.rglob("*.py"))

ONLY_IMPORTER = {
    "libp2p": "network",
    "multiaddr": "network",
    "web3": "chain",
    "onnxruntime": "inference",
    "sqlite3": "store",
}
"""Library -> the one part that may import it."""

PURE = {"protocol", "market"}
IO_MODULES = {"asyncio", "http", "random", "requests", "secrets", "socket", "subprocess", "time", "urllib"}
"""Where I/O, the wall clock and randomness come from; pure parts get theirs through ports."""

PARTS = {"network", "inference", "proving", "chain", "store", "market", "relay", "ipfs"}


def part_of(path: Path) -> str:
    """The folder of a module below p2pnode, or the module's own name at the top."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports(path: Path) -> Iterator[str]:
    """Dotted names of every module that `path` imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; name the package"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner_parts(path: Path) -> set[str]:
    """Parts of p2pnode that `path` imports."""
    found = (name.split(".") for name in imports(path) if name.startswith("p2pnode."))
    return {names[1] for names in found}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_what_its_part_may(path: Path) -> None:
    part = part_of(path)
    tops = {name.split(".")[0] for name in imports(path)}
    for library, owner in ONLY_IMPORTER.items():
        assert library not in tops or part == owner, f"only p2pnode/{owner} imports {library}"
    if part in PURE:
        assert not tops & IO_MODULES, f"p2pnode/{part} does no I/O: {tops & IO_MODULES}"
    inner = inner_parts(path)
    if part == "protocol":
        assert inner <= {"protocol", "errors"}, "protocol stands alone"
    elif part == "jsc":
        assert inner <= {"jsc", "errors", "identity"}, "the coin knows the chain only by what it is handed"
        assert not tops & (IO_MODULES - {"random", "secrets"}), "p2pnode/jsc does no I/O but its own files"
    elif part == "ports":
        assert inner <= {"ports", "protocol"}, "ports know the protocol only"
    elif part in PARTS:
        assert not inner & (PARTS - {part}), "parts meet in app.py only"
        assert part in {"chain", "relay"} or "jsc" not in inner, "who knows notes"
        assert not inner & {"app", "cli", "api"}, "imports point from cli and app to the parts"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_proving_starts_the_prover(path: Path) -> None:
    if part_of(path) in (PARTS | PURE) - {"proving"}:
        nodes = ast.walk(ast.parse(path.read_text()))
        names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        assert not names & {"run_process", "open_process", "Popen"}
        assert "processes" not in inner_parts(path), "a part other than proving starts no process"


def test_the_rules_bite(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import web3.eth\ndef f():\n    from p2pnode.chain import rpc\n")
    assert set(imports(bad)) == {"web3.eth", "p2pnode.chain", "p2pnode.chain.rpc"}
    assert inner_parts(bad) == {"chain"}
