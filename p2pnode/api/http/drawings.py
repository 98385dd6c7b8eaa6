"""The dashboard's pictures, as SVG that the page's style colours. Pure."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from markupsafe import Markup

from p2pnode.amounts import JOY

_MOST_PEERS: Final = 48
_WIDTH: Final = 640
_HEIGHT: Final = 300


def network_map(node: Mapping[str, Any]) -> Markup:
    """This node in the middle, its peers around it; workers are larger the more places they have."""
    workers = {one["peer"]: one for one in node["workers"]}
    peers = [*node["peers"], *(peer for peer in workers if peer not in node["peers"])][:_MOST_PEERS]
    x, y = _WIDTH / 2, _HEIGHT / 2
    edges, dots = [], []
    for index, peer in enumerate(peers):
        angle = 2 * math.pi * index / max(1, len(peers)) - math.pi / 2
        px, py = x + 230 * math.cos(angle), y + 105 * math.sin(angle)
        worker = workers.get(peer)
        kind, size, words = "peer", 6.0, "a peer"
        if worker is not None:
            kind = "full" if worker["load"] >= worker["capacity"] else "worker"
            size = 7 + 2 * math.log2(1 + worker["capacity"])
            words = f"a worker, {worker['load']} of {worker['capacity']} places taken"
        if peer in node["peers"]:
            line = Markup('<line class="edge" x1="{}" y1="{}" x2="{:.1f}" y2="{:.1f}"/>')
            edges.append(line.format(x, y, px, py))
        dots.append(
            Markup(
                '<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"><title>{} is {}</title></circle>'
                '<text x="{:.1f}" y="{:.1f}" text-anchor="middle">…{}</text>'
            ).format(kind, px, py, size, peer, words, px, py + size + 14, peer[-6:])
        )
    own = Markup(
        '<circle class="own" cx="{}" cy="{}" r="12"><title>this node</title></circle>'
        '<text x="{}" y="{}" text-anchor="middle">this node</text>'
    ).format(x, y, x, y + 28)
    words = f"This node, {len(node['peers'])} peers and {len(workers)} workers"
    return _svg(words, [*edges, *dots, own])


def price_chart(tasks: Sequence[Mapping[str, Any]]) -> Markup:
    """Price of each awarded task over time, in JOY."""
    points = [(task["changed"], Decimal(task["price"]) / JOY) for task in tasks if task["price"] is not None]
    if not points:
        return Markup("<p>No task was awarded yet.</p>")
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    top = max(price for _, price in points) * Decimal("1.2") or Decimal(1)
    left, bottom, width, height = 70, _HEIGHT - 30, _WIDTH - 90, _HEIGHT - 50
    parts = []
    for step in range(5):
        y = bottom - height * step / 4
        parts.append(
            Markup(
                '<line class="grid" x1="{0}" y1="{1}" x2="{2}" y2="{1}"/>'
                '<text x="{3}" y="{4}" text-anchor="end">{5:.4f}</text>'
            ).format(left, y, left + width, left - 8, y + 4, top * step / 4)
        )
    for at, price in points:
        x = left + width * (0.5 if last == first else (at - first) / (last - first))
        y = bottom - height * float(price / top)
        dot = Markup('<circle class="own" cx="{:.1f}" cy="{:.1f}" r="4"><title>{:f} JOY</title></circle>')
        parts.append(dot.format(x, y, price.normalize()))
    # A single moment has no length to name.
    ends = () if last == first else ((left, "start", last - first), (left + width, "end", 0))
    for x, anchor, ago in ends:
        words = "the newest" if not ago else f"{ago // 60} min before"
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, bottom + 22, anchor, words)
        )
    return _svg(f"Prices in JOY of {len(points)} tasks over time", parts)


def _svg(label: str, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(_WIDTH, _HEIGHT, label)
    return head + Markup("").join(parts) + Markup("</svg>")
