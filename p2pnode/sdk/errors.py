"""What a client raises: the node's own errors, and one for an API that cannot be used."""

from collections.abc import Mapping
from typing import Any

from p2pnode import errors
from p2pnode.errors import NetworkError, P2PNodeError


class ApiError(NetworkError):
    """The node's API did not answer, or refused; the message says what to do."""


def raised(found: Mapping[str, Any], status: int) -> P2PNodeError:
    """The error that an answer of the API stands for."""
    message = str(found.get("error", f"status {status}"))
    if status == 401:
        return ApiError(f"{message}. Give the client token=..., or token_file=DATA_DIR/api.token")
    kind = getattr(errors, str(found.get("kind")), ApiError)
    if not (isinstance(kind, type) and issubclass(kind, P2PNodeError)):
        kind = ApiError
    return kind(message)
