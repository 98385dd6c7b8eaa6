"""Tensors of the Open Inference Protocol, in JSON and in binary."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tritonclient.http import InferenceServerClient as Triton  # type: ignore[import-untyped]
from tritonclient.http import InferInput, InferRequestedOutput

from p2pnode.errors import InferenceError
from p2pnode.open_inference import DATATYPES, decode_request, encode_response


def request(**change: Any) -> bytes:
    tensor = {"name": "x", "datatype": "INT32", "shape": [2], "data": [1, 2]}
    return json.dumps({"inputs": [{**tensor, **change}]}).encode()


@given(st.data())
def test_every_type_and_shape_goes_there_and_back(data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(sorted(DATATYPES.values()))))
    shape = data.draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    elements = arrays.from_dtype(dtype, allow_nan=False, allow_infinity=False)
    array = data.draw(arrays.arrays(dtype, shape, elements=elements))
    binary = data.draw(st.booleans())
    asked = {"inputs": [], "outputs": [{"name": "y", "parameters": {"binary_data": binary}}]}
    body = json.dumps({**asked, "inputs": json.loads(request())["inputs"]}).encode()
    content, length = encode_response({}, {"y": array}, decode_request(body, None))
    assert (length is not None) == binary
    answer = json.loads(content[:length])["outputs"]
    back = decode_request(
        json.dumps({"inputs": answer}).encode() + content[len(content) if length is None else length :],
        str(len(json.dumps({"inputs": answer}))),
    ).inputs["y"]
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert np.array_equal(back, array)


def test_what_triton_writes_is_read() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    for binary in (True, False):
        tensor = InferInput("x", [2, 3], "FP32")
        tensor.set_data_from_numpy(array, binary_data=binary)
        wanted = [InferRequestedOutput("y", binary_data=binary)]
        body, length = Triton.generate_request_body([tensor], outputs=wanted, request_id="7")
        found = decode_request(bytes(body), None if length is None else str(length))
        assert np.array_equal(found.inputs["x"], array)
        assert (found.request_id, found.outputs, found.is_binary("y")) == ("7", ("y",), binary)


@pytest.mark.parametrize(
    ("body", "length", "words"),
    [
        (b"{", None, "not JSON"),
        (b"[]", None, "no JSON object"),
        (b"[" * 5000, None, "not JSON"),
        (b"{}", "9", "Inference-Header-Content-Length"),
        (b"{}", "-1", "Inference-Header-Content-Length"),
        (b"{}", None, "inputs"),
        (b'{"inputs": []}', None, "1 to 64"),
        (b'{"inputs": [1]}', None, "list of tensors"),
        (request(name=""), None, "name"),
        (request(datatype="BYTES"), None, "datatype"),
        (request(shape=[-1]), None, "shape"),
        (request(shape=[True]), None, "shape"),
        (request(shape=[1 << 40, 1 << 40]), None, "too large"),
        (request(shape=[3]), None, "shape [3]"),
        (request(data=[1, 1.5]), None, "do not fit"),
        (request(data=[1, 1 << 40]), None, "do not fit"),
        (request(data=[1, "2"]), None, "numbers"),
        (request(data=None), None, "numbers"),
        (request(parameters=7), None, "parameters"),
        (request(parameters={"binary_data_size": 8}), None, "0 follow"),
        (request(parameters={"binary_data_size": -8}), None, "binary_data_size"),
        (request() + b"more", str(len(request())), "follow the last tensor"),
    ],
)
def test_a_bad_request_is_refused_with_the_field(body: bytes, length: str | None, words: str) -> None:
    with pytest.raises(InferenceError, match=words.replace("[", r"\[")):
        decode_request(body, length)


def test_the_same_input_twice_is_refused() -> None:
    tensor = json.loads(request())["inputs"][0]
    with pytest.raises(InferenceError, match="twice"):
        decode_request(json.dumps({"inputs": [tensor, tensor]}).encode(), None)


def test_an_output_that_is_not_there_is_named() -> None:
    body = json.dumps({**json.loads(request()), "outputs": [{"name": "z"}]}).encode()
    with pytest.raises(InferenceError, match="no 'z'; it gives y"):
        encode_response({}, {"y": np.zeros(1)}, decode_request(body, None))
