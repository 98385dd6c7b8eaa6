"""Fixtures shared by the unit tests."""

from typing import TYPE_CHECKING

import pytest

from tests.unit.onnx_runner import OnnxRunner

if TYPE_CHECKING:
    from tests.unit.onnx_node_cases import NodeTests


@pytest.fixture(scope="session")
def onnx_runner(tmp_path_factory: pytest.TempPathFactory) -> OnnxRunner:
    """The interpreter, compiled once."""
    return OnnxRunner.build(tmp_path_factory.mktemp("onnx"))


@pytest.fixture(scope="session")
def node_tests(onnx_runner: OnnxRunner) -> "NodeTests":
    """ONNX's own node tests, run once."""
    # Only here: importing ONNX's test cases takes a while.
    from tests.unit.onnx_node_cases import run_node_tests

    return run_node_tests(onnx_runner)
