"""An input to measure a model with."""

import numpy as np

from p2pnode.errors import InferenceError
from p2pnode.inference.model import ModelInfo
from p2pnode.protocol.tensors import encode_tensors

_SEED = 1


def sample_input(info: ModelInfo) -> bytes:
    """An input for counting: 1 for each open dim, zeros for integers, fractions from 0 to 1 for floats.

    Not zeros for floats: soft float is faster on those than on what a model is used for. Raises
    InferenceError for an input of open rank.
    """
    draw = np.random.default_rng(_SEED)
    tensors = {}
    for spec in info.inputs:
        if spec.dims is None:
            raise InferenceError(f"input {spec.name!r} has no shape in the model; give --input")
        shape = [dim if isinstance(dim, int) else 1 for dim in spec.dims]
        zeros = np.zeros(shape, np.dtype(spec.dtype))
        tensors[spec.name] = draw.random(shape, np.float32) if spec.dtype == "float32" else zeros
    return encode_tensors(tensors)
