"""The two sides of the market."""

from enum import StrEnum


class Role(StrEnum):
    """On which side of a task or a session this node is."""

    REQUESTER = "requester"
    WORKER = "worker"
