"""The pictures of the page in docs/images: a night as it is played, on a phone and on a wide screen.

``make screenshots`` takes them again.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, ViewportSize, expect

from tests.clients import Host, Target
from tests.gateway import ROOT, running_gateway
from tests.page.chromium import chromium, installed
from tests.page.visitor import Visitor

IMAGES = ROOT / "docs" / "images"
PHONE: ViewportSize = {"width": 360, "height": 780}
WIDE: ViewportSize = {"width": 1600, "height": 900}
TELEVISION: ViewportSize = {"width": 1280, "height": 720}
Scheme = Literal["dark", "light"]

GAMES: tuple[tuple[str, dict[str, object]], ...] = (
    ("Quiplash XL", {"pack_name": "Party Pack 2", "min_players": 3, "max_players": 8}),
    ("Tee K.O.", {"pack_name": "Party Pack 3", "min_players": 3, "max_players": 8}),
    ("Fibbage 4", {"pack_name": "Party Pack 9", "min_players": 2, "max_players": 8}),
    ("Codenames", {"min_players": 4}),
)
VOTES = {1: "+ana +ben +cleo +dina", 2: "-ben +ana -cleo", 3: "+ana +dina -emil", 4: "+emil +ana"}
"""Of each game, who votes it up or down, in this order."""


async def main() -> None:
    """Take all of them."""
    path = installed()
    if path is None:
        sys.exit("Chromium is needed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, running_gateway(Path(folder)) as gateway:
        target = Target(gateway.rest_url, gateway.websocket_url, gateway.token_command)
        async with chromium(path) as running, target.host(target.token("admin", "nora")) as host:
            browser = await running.browser()
            await _take("page-sign-in", await _tab(browser, target, PHONE, "light"))
            await host.close((await host.start("Two-player Tuesday"))["id"])
            night = await _play(host)
            await _take("page-phone", await _signed_in(browser, target, PHONE, "dark"))
            await _take("page-wide", await _signed_in(browser, target, WIDE, "light"))
            await _take("page-wide-dark", await _signed_in(browser, target, WIDE, "dark"))
            visitor = await _signed_in(browser, target, TELEVISION, "dark")
            await visitor.page.get_by_role("link", name="Television").click()
            await expect(visitor.page.get_by_role("img", name="QR code")).to_be_visible()
            await _take("page-tv", visitor)
            visitor = await _signed_in(browser, target, PHONE, "light")
            await host.close(night)
            await visitor.reads_heading("The results")
            await _take("page-results", visitor)


async def _play(host: Host) -> int:
    night: int = (await host.start("Friday Game Night"))["id"]
    for number, (title, more) in enumerate(GAMES, 1):
        await host.add_game(night, title, **more)
        for vote in VOTES[number].split():
            await host.vote(night, vote[1:], "up" if vote[0] == "+" else "down", game_id=number)
    return night


async def _tab(browser: Browser, target: Target, size: ViewportSize, scheme: Scheme) -> Visitor:
    scale = 2 if size == PHONE else 1
    looks: Any = {"viewport": size, "device_scale_factor": scale, "color_scheme": scheme, "locale": "en-GB"}
    context = await browser.new_context(**looks, reduced_motion="reduce")
    visitor = Visitor(await context.new_page(), f"{target.rest_url}/")
    await visitor.opens()
    await visitor.reads_heading("Sign in")
    return visitor


async def _signed_in(browser: Browser, target: Target, size: ViewportSize, scheme: Scheme) -> Visitor:
    visitor = await _tab(browser, target, size, scheme)
    await visitor.signs_in(target.token("admin", "nora"))
    await visitor.reads_score("Codenames", "+2")
    await visitor.connection_is("live")
    events = 1 + len(GAMES) + sum(len(votes.split()) for votes in VOTES.values())
    await expect(visitor.page.locator("#feed .event")).to_have_count(events)
    return visitor


async def _take(name: str, visitor: Visitor) -> None:
    path = IMAGES / f"{name}.png"
    await visitor.page.screenshot(path=path)
    print(f"Wrote {path.relative_to(ROOT)}.")  # noqa: T201 - a command says what it has done


if __name__ == "__main__":
    asyncio.run(main())
