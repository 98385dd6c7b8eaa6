"""The OpenAPI 3.1 document of the API, at `/openapi.json`; a test compares it with the routes there are."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from quart import Blueprint
from quart.typing import ResponseReturnValue

from p2pnode.open_inference import DATATYPES

_AMOUNT: Final = {"type": "string", "pattern": "^[0-9]+$", "description": "Smallest unit; 10^18 are one JOY."}
_HEX: Final = {"type": "string", "pattern": "^0x[0-9a-f]*$"}
_TENSOR: Final = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"enum": [*DATATYPES]},
        "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "data": {"type": "array", "description": "Flat or nested, row-major; absent for binary data."},
        "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer"}}},
    },
}
_SCHEMAS: Final[Mapping[str, Any]] = {
    "Error": {
        "type": "object",
        "required": ["error", "kind"],
        "properties": {"error": {"type": "string"}, "kind": {"type": "string"}},
    },
    "Tensor": _TENSOR,
    "InferRequest": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
            "outputs": {"type": "array", "items": {"type": "object"}},
            "parameters": {
                "type": "object",
                "properties": {
                    "price_max": {**_AMOUNT, "description": "Most to pay a worker; api.price_max otherwise."},
                    "price_min": _AMOUNT,
                    "wait": {"enum": ["answered", "settled"], "default": "answered"},
                    "binary_data_output": {"type": "boolean"},
                },
            },
        },
    },
    "InferResponse": {
        "type": "object",
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
            "parameters": {
                "type": "object",
                "properties": {
                    "task_id": _HEX,
                    "state": {"enum": ["answered", "settled"]},
                    "worker": _HEX,
                    "price": _AMOUNT,
                    "model_fee": _AMOUNT,
                    "receipt": {"type": "string"},
                },
            },
        },
    },
}
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_BINARY: Final = "application/octet-stream"

_PATHS: Final[Mapping[str, Mapping[str, tuple[str, tuple[str, ...]]]]] = {
    "/v2": {"get": ("The server and its extensions.", (_JSON,))},
    "/v2/health/live": {"get": ("Whether the node answers. Needs no token.", (_JSON,))},
    "/v2/health/ready": {"get": ("Whether it can buy: 200, else 503. Needs no token.", (_JSON,))},
    "/v2/repository/index": {"post": ("Models that were announced on the network.", (_JSON,))},
    "/v2/models/{name}": {"get": ("What a model takes, gives and costs.", (_JSON,))},
    "/v2/models/{name}/versions/1": {"get": ("The same.", (_JSON,))},
    "/v2/models/{name}/ready": {"get": ("Whether somebody has it: 200, else 400.", (_JSON,))},
    "/v2/models/{name}/versions/1/ready": {"get": ("The same.", (_JSON,))},
    "/v2/models/{name}/infer": {
        "post": (
            "Buy one inference. With Accept: text/event-stream the task's events come first, then `result`.",
            (_JSON, _BINARY, _EVENTS),
        )
    },
    "/v2/models/{name}/versions/1/infer": {"post": ("The same.", (_JSON, _BINARY, _EVENTS))},
    "/v2/sessions": {
        "get": ("Sessions of this node, of both roles.", (_JSON,)),
        "post": (
            "Open one: `model`, `price_per_call`, `most_calls`, and if wanted `opening_fee_max`, `seconds`.",
            (_JSON,),
        ),
    },
    "/v2/sessions/{name}": {
        "get": ("A session by its hash.", (_JSON,)),
        "delete": ("Acknowledge its last answer and close it.", (_JSON,)),
    },
    "/v2/sessions/{name}/infer": {"post": ("One call; takes its turn behind others.", (_JSON, _BINARY))},
    "/v2/sessions/{name}/settle": {
        "post": ("Pay for an ended session now, at this node's own gas.", (_JSON,))
    },
    "/v2/status": {"get": ("Peers, workers, models and open tasks.", (_JSON,))},
    "/v2/tasks": {"get": ("Tasks of this node, the newest first.", (_JSON,))},
    "/v2/tasks/{name}": {"get": ("A task by its ID or its offer's hash, with its timeline.", (_JSON,))},
    "/v2/tasks/{name}/explain": {
        "get": ("Why it got no bid, asked of every worker, and the cheapest change that gets one.", (_JSON,))
    },
    "/v2/receipts": {"get": ("IDs of tasks that have a receipt, the newest first.", (_JSON,))},
    "/v2/receipts/{name}": {"get": ("The receipt file of a settled task.", (_JSON,))},
    "/v2/receipts/{name}/verify": {"post": ("Check a receipt again here, proof and all.", (_JSON,))},
    "/v2/events": {"get": ("Events as they happen; of one task with ?task=ID.", (_EVENTS,))},
    "/metrics": {"get": ("Metrics for Prometheus.", ("text/plain",))},
    "/openapi.json": {"get": ("This document.", (_JSON,))},
}


def document() -> dict[str, Any]:
    """The whole document."""
    paths = {
        path: {method: _operation(path, *about) for method, about in methods.items()}
        for path, methods in _PATHS.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "p2pnode",
            "version": version("p2pnode"),
            "description": "Open Inference Protocol v2, with receipts that prove what ran.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def openapi_routes() -> Blueprint:
    """The document's route."""
    routes = Blueprint("openapi", __name__)

    @routes.get("/openapi.json")
    async def page() -> ResponseReturnValue:
        return document()

    return routes


def _operation(path: str, summary: str, types: tuple[str, ...]) -> dict[str, Any]:
    infer = path.endswith("/infer")
    schema = {"$ref": "#/components/schemas/InferResponse"} if infer else {}
    content = {kind: {"schema": schema} if kind == _JSON and infer else {} for kind in types}
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "Done.", "content": content},
            "default": {
                "description": "Refused; `error` says why and what would be right.",
                "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}},
            },
        },
    }
    if path.startswith("/v2/health/"):
        operation["security"] = []
    if "{name}" in path:
        where = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
        operation["parameters"] = [where]
    if path == "/v2/events":
        operation["parameters"] = [{"name": "task", "in": "query", "schema": _HEX}]
    if infer:
        body = {"schema": {"$ref": "#/components/schemas/InferRequest"}}
        operation["requestBody"] = {"required": True, "content": {_JSON: body, _BINARY: {}}}
    return operation
