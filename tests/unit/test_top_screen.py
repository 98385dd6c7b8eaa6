"""The screen of `p2pnode top`, driven as a user drives it."""

import asyncio
import copy
import time
from pathlib import Path
from typing import Any

from textual.widgets import DataTable, Static

from p2pnode.cli.top_screen import TopScreen
from p2pnode.control import ControlClient

PEER = "12D3KooWCBDf663puKKc5hBPLNexzP2tPCK2YxYuJ8NXneKjG1cZ"


def found(state: str = "answered") -> dict[str, Any]:
    now = int(time.time())
    task = {
        "task_id": "0x" + "ab" * 32,
        "offer": "0x" + "cd" * 32,
        "role": "requester",
        "state": state,
        "price": str(10**16),
        "price_max": str(10**17),
        "reason": "",
        "progress": "segment 1 of 2, 9 s left",
        "changed": now - 61,
    }
    worker = {"peer": PEER, "load": 3, "capacity": 8, "models": 1, "seen": now}
    offer = {"model": "bafk", "price_max": str(10**16), "peer": PEER, "seen": now - 3600}
    fault = {"at": now, "event": "task.failover", "reason": "silent [b]not markup"}
    return {
        "peer_id": PEER,
        "account": "0x" + "11" * 20,
        "chain_id": 31337,
        "roles": ["requester"],
        "uptime": 90000,
        "paused": "3 failures in a row [i]really[/i]",
        "joining": "1 peer",
        "peers": [PEER],
        "workers": [worker],
        "models": [{"cid": "bafk", "name": "digits"}],
        "offers": [offer],
        "states": {"requester": {state: 1}, "worker": {}},
        "tasks": [task],
        "totals": {
            "worker": {"tasks": 0, "amount": "0"},
            "requester": {"tasks": 2, "amount": str(3 * 10**16)},
        },
        "faults": [fault],
    }


class Node(ControlClient):
    """A node whose task is settled at the second look."""

    async def overview(self) -> dict[str, Any]:
        changed = copy.deepcopy(found("settled"))
        changed["tasks"][0]["progress"] = "paid"
        return changed


def cells(screen: TopScreen, name: str) -> list[str]:
    table = screen.query_one(f"#{name}", DataTable)
    return [str(cell) for cell in table.get_row_at(0)]


def test_the_screen_shows_what_is_and_follows_it(tmp_path: Path) -> None:
    async def main() -> None:
        screen = TopScreen(Node(tmp_path / "sock"), found(), 0.05)
        async with screen.run_test(size=(140, 40)) as pilot:
            assert "0.03 JOY" in str(screen.query_one("#head", Static).content)
            assert "[i]really[/i]" in str(screen.query_one("#head", Static).render())
            assert cells(screen, "tasks")[:3] == ["ab" * 4, "buy", "answered"]
            assert cells(screen, "tasks")[3:] == ["0.01 JOY", "1 m", "segment 1 of 2, 9 s left"]
            assert cells(screen, "workers")[1] == "███░░░░░ 3/8"
            assert cells(screen, "offers")[0] == "digits"
            assert cells(screen, "faults")[1:] == ["task.failover", "silent [b]not markup"]
            for _ in range(100):
                await pilot.pause(0.05)
                if cells(screen, "tasks")[2] == "settled":
                    break
            assert cells(screen, "tasks")[2:6] == ["settled", "0.01 JOY", "1 m", "paid"]
            await pilot.press("q")

    asyncio.run(main())


def test_a_small_terminal_shows_the_proof_and_each_line_of_the_head_whole(tmp_path: Path) -> None:
    async def main() -> None:
        screen = TopScreen(Node(tmp_path / "sock"), found(), 5)
        async with screen.run_test(size=(80, 24)):
            assert screen.query_one("#head").size.height == 4
            picture = screen.export_screenshot().replace("&#160;", " ")
            assert "segment 1 of 2, 9 s left" in picture
            assert not screen.query_one("#workers").is_on_screen

    asyncio.run(main())
