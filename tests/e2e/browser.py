"""Headless Chromium over the DevTools protocol: what a person sees and presses."""

import base64
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from p2pnode.processes import guarded

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE = (390, 844)
SCREEN = (1280, 900)


class Page:
    """One tab. `problems` holds what the page said on its console, blocked loads included."""

    def __init__(self, socket: WebSocketConnection, session: str) -> None:
        self._socket = socket
        self._session = session
        self._number = 0
        self.problems: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params, "sessionId": self._session}
        await self._socket.send_message(json.dumps(message))
        while True:
            found = json.loads(await self._socket.get_message())
            if found.get("id") == self._number:
                assert "error" not in found, found
                return dict(found["result"])
            if found.get("method") == "Log.entryAdded":
                entry = found["params"]["entry"]
                self.problems.append(f"{entry['text']} {entry.get('url')}")
            if found.get("method") == "Runtime.exceptionThrown":
                self.problems.append(str(found["params"]["exceptionDetails"]))

    async def size(self, width: int, height: int, *, dark: bool) -> None:
        """Of the window, and the scheme that the system asks for."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def open(self, url: str) -> None:
        """Go there, and wait until it is there."""
        await self.call("Page.navigate", url=url)
        await self.until(f"document.readyState == 'complete' && location.href == {json.dumps(url)}")

    async def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 60) -> None:
        """Wait until an expression is true."""
        with trio.fail_after(seconds):
            # The page has no way to tell; asking again is what a browser's own tools do.
            while not await self.run(script):  # noqa: ASYNC110
                await trio.sleep(0.05)

    async def press(self, key: str) -> None:
        """A key."""
        codes = {"Tab": 9, "Enter": 13}
        for kind in ("keyDown", "keyUp"):
            event = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
            if key == "Enter" and kind == "keyDown":
                event["text"] = "\r"
            await self.call("Input.dispatchKeyEvent", **event)

    async def screenshot(self, path: Path) -> None:
        """A PNG of the window."""
        found = await self.call("Page.captureScreenshot", format="png")
        await trio.Path(path).write_bytes(base64.b64decode(found["data"]))


@asynccontextmanager
async def open_browser() -> AsyncIterator[Page]:
    """A tab of a browser with a profile of its own; the browser has ended when the context has."""
    assert CHROMIUM is not None
    with (
        tempfile.TemporaryDirectory(prefix="p2pnode-browser-") as profile,
        tempfile.TemporaryFile() as errors,
    ):
        command = [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            "about:blank",
        ]
        async with guarded(command, stderr=errors, stop_seconds=3):
            port_file = trio.Path(profile) / "DevToolsActivePort"
            with trio.fail_after(60):
                while not (await port_file.exists() and "\n" in await port_file.read_text()):  # noqa: ASYNC110
                    await trio.sleep(0.05)
            port, path = (await port_file.read_text()).split()
            async with open_websocket_url(f"ws://127.0.0.1:{port}{path}") as socket:
                yield await _attach(socket)


async def _attach(socket: WebSocketConnection) -> Page:
    await socket.send_message(
        json.dumps({"id": 0, "method": "Target.createTarget", "params": {"url": "about:blank"}})
    )
    target = json.loads(await socket.get_message())["result"]["targetId"]
    params = {"targetId": target, "flatten": True}
    await socket.send_message(json.dumps({"id": 0, "method": "Target.attachToTarget", "params": params}))
    while True:
        found = json.loads(await socket.get_message())
        if found.get("id") == 0:
            break
    page = Page(socket, found["result"]["sessionId"])
    for domain in ("Page", "Runtime", "Log", "Network"):
        await page.call(f"{domain}.enable")
    return page
