"""The dashboard in a browser: every page, small and large, light and dark, with the keyboard."""

import os
from pathlib import Path
from typing import Any

import pytest
import trio

import p2pnode
from tests.e2e.api_network import MODEL, ApiNetwork, digit, url_of
from tests.e2e.browser import CHROMIUM, PHONE, SCREEN, Page, open_browser
from tests.e2e.conftest import ROOT
from tests.e2e.slashing import slash_for_two_results

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; apt-get install chromium"),
]

PATHS = ("/", "/market", "/tasks", "/receipts", "/money", "/models")


def browse(use: Any) -> None:
    async def main() -> None:
        async with open_browser() as page:
            await use(page)

    trio.run(main)


async def sign_in(page: Page, url: str, token: str) -> None:
    await page.open(f"{url}/login")
    await page.run(f"document.querySelector('#token').value = {token!r}")
    await page.run("document.querySelector('form').requestSubmit()")
    await page.until("document.querySelector('nav') && location.pathname == '/'")


def test_every_page_fits_and_says_nothing_on_the_console(
    api_network: ApiNetwork, settled: p2pnode.Inference, tmp_path: Path
) -> None:
    # P2PNODE_SHOTS keeps the pictures; docs/images was made that way.
    folder = Path(os.environ.get("P2PNODE_SHOTS", tmp_path))

    async def use(page: Page) -> None:
        await sign_in(page, api_network.url, api_network.token)
        for path in (*PATHS, f"/tasks/{settled.task_id}"):
            for size, dark in ((SCREEN, False), (PHONE, True)):
                await page.size(*size, dark=dark)
                await page.open(api_network.url + path)
                if path == "/money":
                    await page.until("document.querySelector('#penalties table')")
                assert await page.run("document.querySelector('h1').innerText")
                assert await page.run("document.documentElement.scrollWidth") <= size[0], path
                ground = await page.run("getComputedStyle(document.documentElement).backgroundColor")
                assert (ground == "rgb(20, 23, 26)") == dark
                name = path.split("/")[1] or "network"
                name = "task" if path.startswith("/tasks/") else name
                await page.screenshot(folder / f"{name}-{'phone' if size == PHONE else 'screen'}.png")
        assert page.problems == []

    browse(use)


def test_a_receipt_is_verified_with_the_keyboard_alone(
    api_network: ApiNetwork, settled: p2pnode.Inference
) -> None:
    async def use(page: Page) -> None:
        await sign_in(page, api_network.url, api_network.token)
        await page.open(f"{api_network.url}/receipts")
        for _ in range(40):
            await page.press("Tab")
            if await page.run("document.activeElement.innerText") == "Verify here":
                break
        outline = await page.run("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        await page.press("Enter")
        await page.until("document.body.innerText.includes('The receipt is valid.')")
        assert await page.run("document.querySelectorAll('div.ok').length") == 4

    browse(use)


def test_a_slash_is_shown_with_its_reason(api_network: ApiNetwork, tmp_path: Path) -> None:
    (worker,) = api_network.devnet.workers
    task_id = slash_for_two_results(api_network)
    text = api_network.ask_worker("/money/penalties").text
    assert "of the stake" in text
    assert "signed a result that a proof or another signed result contradicts" in text
    assert f"0x{task_id.hex()[:12]}" in text
    assert "Nothing was ever taken" in api_network.request("GET", "/money/penalties").text
    url, token = url_of(worker), (worker.folder / "api.token").read_text().strip()

    async def use(page: Page) -> None:
        await page.size(*PHONE, dark=True)
        await sign_in(page, url, token)
        await page.open(f"{url}/money")
        await page.until("document.querySelector('#penalties tbody')?.innerText.includes('of the stake')")
        assert await page.run("document.documentElement.scrollWidth") <= PHONE[0]
        await page.screenshot(Path(os.environ.get("P2PNODE_SHOTS", tmp_path)) / "slash-phone.png")

    browse(use)


def test_a_page_follows_what_happens_without_a_reload(api_network: ApiNetwork) -> None:
    async def use(page: Page) -> None:
        await sign_in(page, api_network.url, api_network.token)
        await page.open(f"{api_network.url}/tasks")
        await page.run("window.untouched = true")
        before = await page.run("document.querySelectorAll('tbody tr').length")
        async with p2pnode.Client(api_network.url, token=api_network.token, progress=False) as node:
            await node.infer(MODEL, digit()[0])
        await page.until(f"document.querySelectorAll('tbody tr').length > {before}")
        assert await page.run("window.untouched")

    browse(use)


def test_a_wrong_token_lets_nobody_in(api_network: ApiNetwork) -> None:
    async def use(page: Page) -> None:
        await page.open(f"{api_network.url}/login")
        await page.run("document.querySelector('#token').value = 'wrong'")
        await page.run("document.querySelector('form').requestSubmit()")
        await page.until("document.querySelector('[role=alert]') !== null")
        await page.call("Page.navigate", url=f"{api_network.url}/tasks")
        await page.until("location.pathname == '/login' && document.readyState == 'complete'")

    browse(use)


def test_the_pictures_in_the_docs_are_of_these_pages() -> None:
    kept = {path.stem for path in (ROOT / "docs" / "images").glob("*.png")}
    assert {"network-screen", "task-phone"} <= kept
