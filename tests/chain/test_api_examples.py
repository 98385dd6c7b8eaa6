"""The examples of docs/python-api.md: those that need a chain are run, the others compile."""

import re
import shutil
from pathlib import Path

import pytest

from tests.chain.conftest import KEYS, ROOT, Devnet

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python-api.md").read_text(), re.DOTALL)


def test_there_is_an_example_of_each_class() -> None:
    assert len(EXAMPLES) == 6
    # That of the client is run in tests/e2e/test_guides.py.
    assert "p2pnode.Client()" in EXAMPLES[0]
    names = ("ModelMarketplace", "InferenceNode", "ZKProver", "JSCBridge", "EdgeNode")
    for name, example in zip(names, EXAMPLES[1:], strict=True):
        assert f"from p2pnode import {name}" in example
        compile(example, name, "exec")


def test_the_examples_on_the_chain_run(
    chain_state: Devnet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copy(chain_state.deployment, tmp_path / "deployment.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ACCOUNT_KEY", KEYS[0])
    monkeypatch.setenv("RPC_URL", chain_state.url)
    for example in (*EXAMPLES[1:3], EXAMPLES[4]):
        exec(compile(example, "docs/python-api.md", "exec"), {"__name__": "example"})
    printed = capsys.readouterr().out
    assert "registered in block" in printed
    wrote, read = re.findall(r"a person wrote (\d), the model reads (\d)", printed)[0]
    assert wrote == read
    assert "funded the escrow" in printed
