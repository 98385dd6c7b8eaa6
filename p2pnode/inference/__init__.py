"""Running ONNX models: checks, sessions and inputs."""

from p2pnode.inference.executor import OnnxExecutor, open_executor
from p2pnode.inference.inputs import read_inputs
from p2pnode.inference.model import ModelInfo, TensorSpec, describe_model, read_model

__all__ = [
    "ModelInfo",
    "OnnxExecutor",
    "TensorSpec",
    "describe_model",
    "open_executor",
    "read_inputs",
    "read_model",
]
