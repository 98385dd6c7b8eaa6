"""What a client gives: an answer with its task, and what a model takes and costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from p2pnode.open_inference import DATATYPES
from p2pnode.sdk.errors import ApiError

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Inference:
    """Outputs by name, and the task that gave them.

    `state` is `answered` or `settled`; a receipt is there once it is settled. `price` and `model_fee` are in
    the smallest unit of JOY. `np.asarray(inference)` is the only output.
    """

    outputs: Mapping[str, Array]
    model: str
    task_id: str
    state: str
    worker: str
    price: int
    model_fee: int

    @property
    def output(self) -> Array:
        """The only output. Raises ApiError when there are several."""
        if len(self.outputs) != 1:
            raise ApiError(f"there are {len(self.outputs)} outputs; take one of {', '.join(self.outputs)}")
        return next(iter(self.outputs.values()))

    def __getitem__(self, name: str) -> Array:
        return self.outputs[name]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.output, dtype=dtype, copy=copy)


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the network: `inputs` and `outputs` give (numpy type, shape; -1 for any size) by name."""

    name: str
    cid: str
    fee: int
    inputs: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)
    outputs: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)


def read_inference(found: Mapping[str, Any]) -> Inference:
    """An inference response of the API."""
    parameters = found["parameters"]
    return Inference(
        read_outputs(found),
        str(found["model_name"]),
        str(parameters["task_id"]),
        str(parameters["state"]),
        str(parameters["worker"]),
        int(parameters["price"]),
        int(parameters["model_fee"]),
    )


def read_outputs(found: Mapping[str, Any]) -> dict[str, Array]:
    """The output tensors of a response."""
    return {
        tensor["name"]: np.array(tensor["data"], DATATYPES[tensor["datatype"]]).reshape(tensor["shape"])
        for tensor in found["outputs"]
    }


def read_model(found: Mapping[str, Any]) -> Model:
    """Model metadata of the API."""
    parameters = found["parameters"]
    return Model(
        str(found["name"]),
        str(parameters["cid"]),
        int(parameters["fee"]),
        _specs(found["inputs"]),
        _specs(found["outputs"]),
    )


def _specs(tensors: list[Mapping[str, Any]]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {tensor["name"]: (DATATYPES[tensor["datatype"]], tuple(tensor["shape"])) for tensor in tensors}
