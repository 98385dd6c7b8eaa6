"""`/v2/sessions`: many small calls to one worker, paid together. Opened and closed by whoever uses them."""

import json
from collections.abc import Mapping
from typing import Any

from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from p2pnode.api.http.service import Service, UnservedError, amount
from p2pnode.api.http.task_routes import digest
from p2pnode.errors import InferenceError
from p2pnode.market.sessions.requester import SessionOrder, SessionRequester
from p2pnode.market.sessions.state import SessionState
from p2pnode.open_inference import decode_request, encode_response
from p2pnode.ports import Role
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.tensors import decode_tensors
from p2pnode.session_handlers import session_report

_HEADER = "Inference-Header-Content-Length"


def session_routes(service: Service) -> Blueprint:
    """Opening, calls, closing, and what became of them."""
    routes = Blueprint("sessions", __name__, url_prefix="/v2/sessions")

    @routes.get("")
    async def sessions() -> ResponseReturnValue:
        found = [entry for role in Role for entry in service.node.store.sessions(role, SessionState)]
        return [session_report(entry) for entry in found]

    @routes.post("")
    async def start() -> ResponseReturnValue:
        order = _order(service, _object(await request.data))
        return session_report((await _sessions(service).start(order)).entry), 201

    @routes.get("/<name>")
    async def session(name: str) -> ResponseReturnValue:
        return session_report(_sessions(service).entry(_hash(name)))

    @routes.post("/<name>/infer")
    async def infer(name: str) -> ResponseReturnValue:
        asked = decode_request(await request.data, request.headers.get(_HEADER))
        session = _sessions(service).live(_hash(name))
        award = session.entry.award.message
        output = await session.call(await service.encoded(award.model_digest, asked))
        head = {
            "model_name": to_cid(award.model_digest),
            "model_version": "1",
            "id": asked.request_id,
            "parameters": {"session": name, "call": session.entry.receipt.message.calls},
        }
        content, length = encode_response(head, decode_tensors(output), asked)
        response = Response(content, content_type="application/json")
        if length is not None:
            response.headers[_HEADER] = str(length)
            response.content_type = "application/octet-stream"
        return response

    @routes.delete("/<name>")
    async def end(name: str) -> ResponseReturnValue:
        return session_report(await _sessions(service).close(_hash(name)))

    @routes.post("/<name>/settle")
    async def settle(name: str) -> ResponseReturnValue:
        sessions, session_hash = _sessions(service), _hash(name)
        await sessions.settle(session_hash)
        return session_report(sessions.entry(session_hash))

    return routes


def _sessions(service: Service) -> SessionRequester:
    if service.node.requester is None:
        raise UnservedError("requester.enabled is false on this node; set it to true to open sessions")
    return service.node.requester.sessions


def _order(service: Service, found: Mapping[str, Any]) -> SessionOrder:
    model, most_calls = found.get("model"), found.get("most_calls")
    if not isinstance(model, str):
        raise InferenceError(f"model is {model!r:.80}; give a name or a CID")
    if type(most_calls) is not int:
        raise InferenceError(f"most_calls is {most_calls!r:.40}; give a whole number")
    if "price_per_call" not in found:
        raise InferenceError("price_per_call is missing; give the smallest unit of JOY for one call")
    seconds = found.get("seconds", 3600)
    if type(seconds) is not int or not 1 <= seconds <= 72_000:
        raise InferenceError(f"seconds is {seconds!r:.40}; give 1 to 72000, how long calls will be made")
    return SessionOrder(
        model_digest=service.resolve(model),
        price=amount(found, "price_per_call", 0),
        most_calls=most_calls,
        most_opening_fee=amount(found, "opening_fee_max", service.node.config.api.price_max),
        seconds=seconds,
        min_stake=service.node.config.requester.min_stake,
    )


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise InferenceError(f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InferenceError("the body is no JSON object; see /openapi.json")
    return found


def _hash(name: str) -> bytes:
    return digest(name, of="session", called="hash")
