"""How `p2pnode submit`, `node status` and `receipts` talk to the running node, over a local socket."""

from p2pnode.control.client import ControlClient
from p2pnode.control.messages import (
    ControlHandlers,
    Emit,
    PublishRequest,
    SubmitRequest,
    TaskReport,
    Wait,
)
from p2pnode.control.server import open_control_server

__all__ = [
    "ControlClient",
    "ControlHandlers",
    "Emit",
    "PublishRequest",
    "SubmitRequest",
    "TaskReport",
    "Wait",
    "open_control_server",
]
