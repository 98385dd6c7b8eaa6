"""`/v2`: the Open Inference Protocol, version 2 (KServe), with Triton's binary tensors and model index."""

import json
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from typing import Any

import trio
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from p2pnode.api.http.service import Service, UnservedError
from p2pnode.api.http.stream import event_text, stream_response
from p2pnode.api.http.views import model_view, report_parameters
from p2pnode.errors import InferenceError, P2PNodeError
from p2pnode.open_inference import InferRequest, decode_request, encode_response

_HEADER = "Inference-Header-Content-Length"
_MOST_EVENTS = 4096


def inference_routes(service: Service) -> Blueprint:
    """The protocol's routes."""
    routes = Blueprint("inference", __name__, url_prefix="/v2")

    @routes.get("")
    async def server() -> ResponseReturnValue:
        return {"name": "p2pnode", "version": version("p2pnode"), "extensions": ["binary_tensor_data"]}

    @routes.get("/health/live")
    async def live() -> ResponseReturnValue:
        return {"live": True}

    @routes.get("/health/ready")
    async def ready() -> ResponseReturnValue:
        # Without peers no offer reaches a worker, and without the requester's part none is made.
        is_ready = service.node.requester is not None and bool(service.node.network.peers())
        return {"ready": is_ready}, 200 if is_ready else 503

    @routes.post("/repository/index")
    async def index() -> ResponseReturnValue:
        return [
            {"name": model.name, "version": "1", "state": "READY", "cid": model.cid, "holders": model.holders}
            for model in service.models()
        ]

    @routes.get("/models/<name>")
    @routes.get("/models/<name>/versions/1")
    async def metadata(name: str) -> ResponseReturnValue:
        digest = service.resolve(name)
        return model_view(name, digest, await service.info(digest), await service.listing(digest))

    @routes.get("/models/<name>/ready")
    @routes.get("/models/<name>/versions/1/ready")
    async def model_ready(name: str) -> ResponseReturnValue:
        digest = service.resolve(name)
        is_ready = not (await service.listing(digest)).retired and bool(
            service.node.presence.holders(digest) or service.node.network.blobs.has(digest)
        )
        return {"name": name, "ready": is_ready}, 200 if is_ready else 400

    @routes.post("/models/<name>/infer")
    @routes.post("/models/<name>/versions/1/infer")
    async def infer(name: str) -> ResponseReturnValue:
        body = await request.data
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise InferenceError("the body is compressed; send it as it is")
        asked = decode_request(body, request.headers.get(_HEADER))
        digest = service.resolve(name)
        if "text/event-stream" in request.headers.get("Accept", ""):
            return stream_response(_told(service, name, digest, asked))
        content, length = await _answered(service, name, digest, asked)
        response = Response(content, content_type="application/json")
        if length is not None:
            response.headers[_HEADER] = str(length)
            response.content_type = "application/octet-stream"
        return response

    return routes


async def _answered(
    service: Service, name: str, digest: bytes, asked: InferRequest
) -> tuple[bytes, int | None]:
    async def ignore(event: str, fields: Mapping[str, Any]) -> None:
        pass

    report, outputs = await service.infer(digest, asked, ignore)
    return encode_response(_head(name, asked, report_parameters(report)), outputs, asked)


async def _told(service: Service, name: str, digest: bytes, asked: InferRequest) -> AsyncIterator[bytes]:
    """The task's events as they come, then `result` with the response, or `error`."""
    send, receive = trio.open_memory_channel[bytes](_MOST_EVENTS)

    async def emit(event: str, fields: Mapping[str, Any]) -> None:
        await send.send(event_text(event, fields))

    async def run() -> None:
        async with send:
            try:
                report, outputs = await service.infer(digest, asked, emit)
                head = _head(name, asked, report_parameters(report))
                # Binary data has no place in an event stream.
                plain = InferRequest(asked.request_id, {}, asked.outputs, frozenset(), False)
                content, _ = encode_response(head, outputs, plain)
                await send.send(event_text("result", json.loads(content)))
            except P2PNodeError as error:
                status = 503 if isinstance(error, UnservedError) else 400
                fields = {"error": str(error), "kind": type(error).__name__, "status": status}
                await send.send(event_text("error", fields))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        async with receive:
            async for chunk in receive:
                yield chunk


def _head(name: str, asked: InferRequest, parameters: Mapping[str, Any]) -> dict[str, Any]:
    head = {"model_name": name, "model_version": "1", "parameters": parameters}
    return {**head, "id": asked.request_id} if asked.request_id else head
