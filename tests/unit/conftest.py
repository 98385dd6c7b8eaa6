"""Fixtures shared by the unit tests."""

import pytest

from tests.unit.onnx_runner import OnnxRunner


@pytest.fixture(scope="session")
def onnx_runner(tmp_path_factory: pytest.TempPathFactory) -> OnnxRunner:
    """The interpreter, compiled once."""
    return OnnxRunner.build(tmp_path_factory.mktemp("onnx"))
