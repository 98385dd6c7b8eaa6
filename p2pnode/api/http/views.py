"""JSON of what the node knows. Pure. Digests and addresses are hex with 0x, amounts decimal text."""

from collections.abc import Mapping
from typing import Any

from p2pnode.control import TaskReport
from p2pnode.history import Happening
from p2pnode.inference import ModelInfo, TensorSpec
from p2pnode.open_inference import datatype
from p2pnode.ports import ModelListing
from p2pnode.protocol.cid import to_cid


def happening_view(happening: Happening) -> dict[str, Any]:
    """One event."""
    return {
        "number": happening.number,
        "at": round(happening.at, 3),
        "event": happening.name,
        **happening.fields,
    }


def model_view(name: str, digest: bytes, info: ModelInfo, listing: ModelListing) -> dict[str, Any]:
    """Model metadata of the Open Inference Protocol; what else is known is in `parameters`."""
    return {
        "name": name,
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [_spec_view(spec) for spec in info.inputs],
        "outputs": [_spec_view(spec) for spec in info.outputs],
        "parameters": {
            "cid": to_cid(digest),
            "fee": str(listing.fee),
            "owner": f"0x{listing.owner.hex()}",
            "retired": listing.retired,
            "bytes": info.size,
            "opset": info.opset,
            "exact": info.exact,
        },
    }


def report_parameters(report: TaskReport) -> Mapping[str, Any]:
    """What an inference response says of its task."""
    task_id = f"0x{report.task_id.hex()}"
    return {
        "task_id": task_id,
        "state": report.state,
        "worker": f"0x{report.worker.hex()}",
        "price": str(report.price),
        "model_fee": str(report.model_fee),
        "transaction": f"0x{report.transaction.hex()}" if report.transaction else None,
        "receipt": f"/v2/receipts/{task_id}",
    }


def _spec_view(spec: TensorSpec) -> dict[str, Any]:
    dims = [-1] if spec.dims is None else [size if isinstance(size, int) else -1 for size in spec.dims]
    return {"name": spec.name, "datatype": datatype(spec.dtype), "shape": dims}
