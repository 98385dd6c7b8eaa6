"""How `p2pnode submit`, `session`, `node status` and others talk to the running node, over a local socket."""

from p2pnode.control.client import ControlClient
from p2pnode.control.handlers import ControlHandlers, SessionHandlers
from p2pnode.control.messages import (
    Calls,
    Emit,
    OpenSession,
    PublishRequest,
    SubmitRequest,
    TaskReport,
    Wait,
)
from p2pnode.control.server import open_control_server
from p2pnode.control.sessions import AnsweredCall

__all__ = [
    "AnsweredCall",
    "Calls",
    "ControlClient",
    "ControlHandlers",
    "Emit",
    "OpenSession",
    "PublishRequest",
    "SessionHandlers",
    "SubmitRequest",
    "TaskReport",
    "Wait",
    "open_control_server",
]
