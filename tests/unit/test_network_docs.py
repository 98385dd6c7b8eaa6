"""docs/network.md and the tests agree: each row of the library's table names tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", (ROOT / "docs" / "network.md").read_text(), re.MULTILINE)


def names_in(name: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / "net" / f"test_{name}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_has_tests_and_they_exist() -> None:
    assert [int(row) for row, _ in TABLE] == list(range(1, 43))
    for row, cell in TABLE:
        named = re.findall(r"`(\w+)::(\w+)`", cell)
        assert named, f"row {row} names no test"
        for file, test in named:
            assert f"test_{test}" in names_in(file), f"row {row}: {file}::{test}"
