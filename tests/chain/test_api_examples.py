"""The examples of docs/python-api.md: those that need a chain are run, the others compile."""

import re
import shutil
from pathlib import Path

import pytest

from tests.chain.conftest import KEYS, ROOT, Devnet

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python-api.md").read_text(), re.DOTALL)


def test_there_is_an_example_of_each_class() -> None:
    assert len(EXAMPLES) == 5
    for name, example in zip(
        ("ModelMarketplace", "InferenceNode", "ZKProver", "JSCBridge", "EdgeNode"), EXAMPLES, strict=True
    ):
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
    for example in (*EXAMPLES[:2], EXAMPLES[3]):
        exec(compile(example, "docs/python-api.md", "exec"), {"__name__": "example"})
    printed = capsys.readouterr().out
    assert "registered in block" in printed
    wrote, read = re.findall(r"a person wrote (\d), the model reads (\d)", printed)[0]
    assert wrote == read
    assert "funded the escrow" in printed
