"""The routes together: access, limits, errors as JSON, and headers that keep a browser strict."""

import logging
from collections.abc import Mapping
from typing import Final

import structlog
from quart import Response, redirect, request
from quart.typing import ResponseReturnValue
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from p2pnode.api.http.access import COOKIE, Access
from p2pnode.api.http.inference_routes import inference_routes
from p2pnode.api.http.metrics import Metrics, metrics_routes
from p2pnode.api.http.openapi import openapi_routes
from p2pnode.api.http.pages import page_routes
from p2pnode.api.http.service import NotFoundError, Service, UnservedError
from p2pnode.api.http.session_routes import session_routes
from p2pnode.api.http.stream import event_routes
from p2pnode.api.http.task_routes import task_routes
from p2pnode.errors import (
    ChainError,
    ConfigError,
    InferenceError,
    MarketError,
    NetworkError,
    P2PNodeError,
    ProtocolError,
)

log = structlog.get_logger("p2pnode.api")

MAX_BODY: Final = 64 << 20
_FREE: Final = ("/v2/health/", "/login", "/static/")
"""What may be asked without a token: yes or no for monitors, and the way in for people."""
_STATUS: Final[Mapping[type[P2PNodeError], int]] = {
    NotFoundError: 404,
    UnservedError: 503,
    InferenceError: 400,
    ProtocolError: 400,
    ConfigError: 400,
    MarketError: 409,
    ChainError: 502,
    NetworkError: 502,
}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_application(service: Service, access: Access, metrics: Metrics) -> QuartTrio:
    """The ASGI application of one node."""
    # Its logger has this name, and must not be that of all of ours.
    application = QuartTrio("p2pnode_http", static_folder=None)
    application.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    application.config["PROPAGATE_EXCEPTIONS"] = False
    # Ours says what went wrong; the library's would say it again.
    application.logger.setLevel(logging.CRITICAL)
    for routes in (inference_routes, session_routes, task_routes, event_routes):
        application.register_blueprint(routes(service))
    application.register_blueprint(metrics_routes(metrics))
    application.register_blueprint(openapi_routes())
    application.register_blueprint(page_routes(service, access))

    @application.before_request
    async def check_access() -> ResponseReturnValue | None:
        if request.path.startswith(_FREE) and not access.is_open:
            return None
        changes = request.method not in ("GET", "HEAD")
        problem = access.problem(request.headers, request.cookies.get(COOKIE), changes=changes)
        if problem is None:
            return None
        is_page = "text/html" in request.headers.get("Accept", "")
        if not access.is_open and is_page and not changes:
            return redirect("/login", 303)
        status = 403 if access.is_open or "another site" in problem else 401
        headers = {"WWW-Authenticate": 'Bearer realm="p2pnode"'} if status == 401 else {}
        return {"error": problem, "kind": "AccessError"}, status, headers

    @application.after_request
    async def add_headers(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @application.errorhandler(Exception)
    async def explain(error: Exception) -> ResponseReturnValue:
        if isinstance(error, P2PNodeError):
            status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
            return {"error": str(error), "kind": type(error).__name__}, status
        if isinstance(error, HTTPException):
            return {"error": error.description or error.name, "kind": "HTTPError"}, error.code or 500
        log.error("api.failed", path=request.path, exc_info=error)
        return {"error": f"internal error ({type(error).__name__}); see the node's log", "kind": "Error"}, 500

    return application
