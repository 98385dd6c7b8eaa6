"""Running ONNX models: checks, sessions and inputs."""

import os

# ONNX Runtime's wheels report every process and session to their maker (its Privacy.md, since 1.29), and
# only a variable that is set before the first import keeps them from it. Nobody agreed to that here.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

from p2pnode.inference.executor import OnnxExecutor, open_executor
from p2pnode.inference.inputs import read_inputs
from p2pnode.inference.model import ModelInfo, TensorSpec, describe_model, read_bytes, read_model
from p2pnode.inference.sample import sample_input
from p2pnode.inference.sessions import check_inputs, providers

__all__ = [
    "ModelInfo",
    "OnnxExecutor",
    "TensorSpec",
    "check_inputs",
    "describe_model",
    "open_executor",
    "providers",
    "read_bytes",
    "read_inputs",
    "read_model",
    "sample_input",
]
