"""The node over HTTP: Open Inference Protocol v2, receipts, events, metrics and the dashboard."""

from p2pnode.api.http.server import open_api

__all__ = ["open_api"]
