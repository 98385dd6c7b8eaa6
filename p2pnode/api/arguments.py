"""What callers may write for a model, an address and an input, as checked values."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from p2pnode.errors import ConfigError, InferenceError, ProtocolError
from p2pnode.inference import ModelInfo, read_inputs
from p2pnode.protocol.cid import from_cid
from p2pnode.protocol.tensors import encode_tensors

InputData = npt.NDArray[Any] | Mapping[str, npt.NDArray[Any]] | str | Path
"""One array for a model with one input, arrays by input name, or a .npy, .json or image file."""


def parse_model_id(model_id: str | bytes) -> bytes:
    """The 32-byte digest of a CID, of 64 hex digits or of itself. Raises ProtocolError."""
    if isinstance(model_id, str):
        digits = model_id.removeprefix("0x")
        try:
            model_id = bytes.fromhex(digits) if len(digits) == 64 else from_cid(model_id)
        except ValueError:
            raise ProtocolError(f"model_id {digits!r:.80} is not hex; give 64 hex digits or a CID") from None
    if len(model_id) != 32:
        raise ProtocolError(f"model_id has {len(model_id)} bytes; give the 32 of a SHA-256")
    return model_id


def parse_address(address: str | bytes, name: str) -> bytes:
    """The 20 bytes of an address. Raises ConfigError."""
    try:
        data = bytes.fromhex(address.removeprefix("0x")) if isinstance(address, str) else address
    except ValueError:
        data = b""
    if len(data) != 20:
        raise ConfigError(f"{name} is {address!r:.80}; give 0x and 40 hex digits")
    return data


def encode_input(data: InputData, info: ModelInfo) -> bytes:
    """Canonically encoded tensors in the order of the model's inputs. Raises InferenceError."""
    if isinstance(data, str | Path):
        return read_inputs(Path(data), info)
    if not isinstance(data, Mapping):
        if len(info.inputs) != 1:
            names = ", ".join(spec.name for spec in info.inputs)
            raise InferenceError(f"input_data is one array; the model takes {names}: give them by name")
        data = {info.inputs[0].name: data}
    missing = [spec.name for spec in info.inputs if spec.name not in data]
    if missing or len(data) != len(info.inputs):
        names = ", ".join(spec.name for spec in info.inputs)
        raise InferenceError(f"input_data has {', '.join(map(str, data))}; the model takes exactly {names}")
    try:
        return encode_tensors({spec.name: np.asarray(data[spec.name]) for spec in info.inputs})
    except ProtocolError as error:
        raise InferenceError(f"input_data: {error}") from error
