"""The dashboard: pages that are made here and refreshed with HTMX, for a phone as for a large screen."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from quart import Blueprint, Response, redirect, render_template, request
from quart.typing import ResponseReturnValue

from p2pnode.api.http.access import COOKIE, Access
from p2pnode.api.http.drawings import network_map, price_chart
from p2pnode.api.http.money import balances, joy_text, penalty_rows, priced_text
from p2pnode.api.http.service import Service
from p2pnode.api.http.task_routes import digest
from p2pnode.errors import P2PNodeError
from p2pnode.history import Happening
from p2pnode.overview import FAULTS, overview, progress, task_view
from p2pnode.protocol.cid import to_cid
from p2pnode.protocol.receipt import parse_receipt

PAGES: Final = (
    ("/", "Network"),
    ("/market", "Market"),
    ("/tasks", "Tasks"),
    ("/receipts", "Receipts"),
    ("/money", "Money"),
    ("/models", "Models"),
)
_COOKIE_SECONDS: Final = 30 * 86400
_MOST_RECEIPTS: Final = 100
_BIDS: Final = ("bid.received", "bid.sent", "award.sent", "award.received")
_STEPS: Final = ("execute", "segment", "lift", "join", "wrap", "verify")


def page_routes(service: Service, access: Access) -> Blueprint:
    """All pages."""
    routes = Blueprint("pages", __name__, template_folder="templates", static_folder="static")

    def priced(units: Any) -> str:
        return priced_text(units, service.node.config)

    for name, function in {"joy": joy_text, "priced": priced, "ago": _ago, "duration": _duration}.items():
        routes.add_app_template_filter(function, name)

    async def page(template: str, title: str, *, live: bool = True, **values: Any) -> str:
        node = overview(service.node)
        names = {model["cid"]: model["name"] for model in node["models"]}
        known: dict[str, Any] = {
            "node": node,
            "names": names,
            "title": title,
            "pages": PAGES,
            "current": request.path,
            "live": request.path if live else None,
            "open": access.is_open,
        }
        return await render_template(template, **known, **values)

    @routes.get("/")
    async def network() -> ResponseReturnValue:
        return await page("network.html", "Network", map=network_map(overview(service.node)))

    @routes.get("/market")
    async def market() -> ResponseReturnValue:
        tasks = [task_view(task) for task in service.tasks()]
        bids = [one for one in service.node.history.since() if one.name in _BIDS][-50:]
        return await page("market.html", "Market", chart=price_chart(tasks), bids=bids[::-1])

    @routes.get("/tasks")
    async def tasks() -> ResponseReturnValue:
        return await page("tasks.html", "Tasks")

    @routes.get("/tasks/<name>")
    async def task(name: str) -> ResponseReturnValue:
        found = service.task(name)
        steps = service.timeline(found)
        view = task_view(found)
        has_receipt = found.task_id is not None and service.node.store.receipt(found.task_id) is not None
        return await page(
            "task.html",
            f"Task {name[:14]}…",
            task=view,
            progress=None if has_receipt else _proof(steps),
            facts=_facts(view),
            steps=[_step(one, steps[0].at) for one in steps],
            has_receipt=has_receipt,
        )

    @routes.get("/tasks/<name>/explain")
    async def explain(name: str) -> ResponseReturnValue:
        return await render_template("explained.html", found=await service.explain(name))

    @routes.get("/receipts")
    async def receipts() -> ResponseReturnValue:
        found = [_receipt(service, task_id) for task_id in service.node.store.receipts()[:_MOST_RECEIPTS]]
        return await page("receipts.html", "Receipts", live=False, receipts=found)

    @routes.post("/receipts/<name>/verify")
    async def verify(name: str) -> ResponseReturnValue:
        checks = await service.verify(digest(name))
        return await render_template("verdict.html", checks=checks, valid=all(one["ok"] for one in checks))

    @routes.get("/money")
    async def money() -> ResponseReturnValue:
        shown, problem = await balances(service.node.chain, priced)
        lines = [one for one in service.node.history.since() if _is_money(one)][-100:]
        ledger = [{"at": one.at, "name": one.name, "words": _words(one)} for one in reversed(lines)]
        return await page("money.html", "Money", live=False, balances=shown, problem=problem, ledger=ledger)

    @routes.get("/money/penalties")
    async def penalties() -> ResponseReturnValue:
        found, problem = await penalty_rows(service.node.chain)
        return await render_template("penalties.html", penalties=found, problem=problem)

    @routes.get("/models")
    async def models() -> ResponseReturnValue:
        return await page("models.html", "Models")

    @routes.get("/login")
    async def login() -> ResponseReturnValue:
        return await _login(service)

    @routes.post("/login")
    async def sign_in() -> ResponseReturnValue:
        token = (await request.form).get("token", "").strip()
        if not access.knows(token):
            return await _login(service, "That is none of the tokens in the file."), 401
        response = Response(status=303, headers={"Location": "/"})
        # Without Secure: on this machine there is no TLS, and a proxy in front adds its own.
        response.set_cookie(
            COOKIE, token, max_age=_COOKIE_SECONDS, httponly=True, samesite="Strict", secure=request.is_secure
        )
        return response

    @routes.post("/logout")
    async def sign_out() -> ResponseReturnValue:
        response = redirect("/login", 303)
        response.delete_cookie(COOKIE)
        return response

    return routes


async def _login(service: Service, problem: str = "") -> str:
    where = service.node.config.api.token_file
    return await render_template("login.html", title="Sign in", token_file=where, problem=problem)


def _receipt(service: Service, task_id: bytes) -> dict[str, Any]:
    try:
        found = parse_receipt(service.receipt(task_id))
    except P2PNodeError as error:
        return {"task_id": f"0x{task_id.hex()}", "model": str(error), "price": 0, "index": "?", "count": "?"}
    award = found.award.message
    return {
        "task_id": f"0x{task_id.hex()}",
        "model": to_cid(award.model_digest),
        "price": award.price,
        "index": found.leaf_index + 1,
        "count": found.leaf_count,
    }


def _proof(steps: Sequence[Happening]) -> Mapping[str, Any] | None:
    """What the bar of a proof shows; a requester hears words only."""
    words = progress(list(steps))
    if not words:
        return None
    step, _, rest = words.partition(" ")
    percent = None
    if step in _STEPS:
        index, _, total = rest.partition(" of ")
        count = total.split(",")[0]
        share = int(index) / int(count) if index.isdigit() and count.isdigit() and int(count) else 0.0
        percent = round(100 * (_STEPS.index(step) + share) / len(_STEPS))
    return {"words": words, "percent": percent}


def _facts(view: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A task's fields for people."""
    shown = {**view}
    for name in ("price", "price_max", "model_fee"):
        shown[name] = joy_text(view[name]) if view[name] is not None else None
    shown["settle_deadline"] = f"{datetime.fromtimestamp(view['settle_deadline'], UTC):%Y-%m-%d %H:%M:%S} UTC"
    hidden = ("state", "reason", "changed", "offered")
    return [
        (name.replace("_", " ").capitalize(), str(value))
        for name, value in shown.items()
        if value and name not in hidden
    ]


def _step(one: Happening, start: float) -> dict[str, str]:
    return {"name": one.name, "offset": f"+{one.at - start:.2f} s", "words": _words(one)}


def _words(one: Happening) -> str:
    """An event's fields in a line, for people."""
    hidden = ("offer", "task_id", "task_ids", "model")
    return ", ".join(
        f"{name.replace('_', ' ')}{':' if isinstance(value, bool) else ''} {_text(name, value)}"
        for name, value in one.fields.items()
        if value != "" and name not in hidden and not name.startswith("detail_")
    )


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if name in ("price", "model_fee", "paid", "price_min", "price_max"):
        return joy_text(value)
    text = str(value)
    # An account, a hash or a PeerId: its beginning tells it from others.
    return f"{text[:14]}…" if len(text) >= 40 and " " not in text else text


def _is_money(one: Happening) -> bool:
    return one.name.startswith("settlement.") or one.name == "receipt.stored" or one.name in FAULTS


def _ago(moment: float) -> str:
    return f"{_duration(time.time() - moment)} ago"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
