"""`/v2/tasks` and `/v2/receipts`: what became of inferences, and the proofs of them."""

from quart import Blueprint, Response
from quart.typing import ResponseReturnValue

from p2pnode.api.http.service import NotFoundError, Service
from p2pnode.api.http.views import happening_view
from p2pnode.overview import progress, task_view


def task_routes(service: Service) -> Blueprint:
    """Tasks with their way, receipts, and their verification."""
    routes = Blueprint("tasks", __name__, url_prefix="/v2")

    @routes.get("/status")
    async def status() -> ResponseReturnValue:
        return dict(await service.status())

    @routes.get("/tasks")
    async def tasks() -> ResponseReturnValue:
        return [task_view(task) for task in service.tasks()]

    @routes.get("/tasks/<name>")
    async def task(name: str) -> ResponseReturnValue:
        found = service.task(name)
        timeline = service.timeline(found)
        steps = [happening_view(happening) for happening in timeline]
        return {**task_view(found), "progress": progress(timeline), "timeline": steps}

    @routes.get("/tasks/<name>/explain")
    async def explain(name: str) -> ResponseReturnValue:
        return dict(await service.explain(name))

    @routes.get("/receipts")
    async def receipts() -> ResponseReturnValue:
        return [f"0x{task_id.hex()}" for task_id in service.node.store.receipts()]

    @routes.get("/receipts/<name>")
    async def receipt(name: str) -> ResponseReturnValue:
        task_id = digest(name)
        response = Response(service.receipt(task_id), content_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{task_id.hex()}.json"'
        return response

    @routes.post("/receipts/<name>/verify")
    async def verify(name: str) -> ResponseReturnValue:
        checks = await service.verify(digest(name))
        return {"valid": all(check["ok"] for check in checks), "checks": checks}

    return routes


def digest(name: str, of: str = "task", called: str = "ID") -> bytes:
    """The 32 bytes that a path names something by."""
    try:
        found = bytes.fromhex(name.removeprefix("0x"))
    except ValueError:
        found = b""
    if len(found) != 32:
        raise NotFoundError(f"{of} {name!r:.80}: give its {called}, 64 hex digits")
    return found
