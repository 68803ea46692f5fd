"""The pictures of the page in docs/images: a night as it is played, on a phone and on a wide screen.

``make screenshots`` takes them again. Leaves what the page has to do to the tests.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, expect

from tests.clients import Host, Target
from tests.gateway import ROOT, running_gateway
from tests.page.chromium import chromium, installed
from tests.page.visitor import Visitor

IMAGES = ROOT / "docs" / "images"
PHONE = (360, 780)
WIDE = (1600, 900)

GAMES: tuple[tuple[str, dict[str, object]], ...] = (
    ("Quiplash XL", {"pack_name": "Party Pack 2", "min_players": 3, "max_players": 8}),
    ("Tee K.O.", {"pack_name": "Party Pack 3", "min_players": 3, "max_players": 8}),
    ("Fibbage 4", {"pack_name": "Party Pack 9", "min_players": 2, "max_players": 8}),
    ("Codenames", {"min_players": 4}),
)
VOTES = (
    ("ana", "up", 1),
    ("ben", "up", 1),
    ("cleo", "up", 1),
    ("dina", "up", 1),
    ("ben", "down", 2),
    ("ana", "up", 2),
    ("cleo", "down", 2),
    ("ana", "up", 3),
    ("dina", "up", 3),
    ("emil", "down", 3),
    ("emil", "up", 4),
    ("ana", "up", 4),
)


async def main() -> None:
    """Take all of them."""
    path = installed()
    if path is None:
        sys.exit("Chromium is needed: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, running_gateway(Path(folder)) as gateway:
        target = Target(gateway.rest_url, gateway.websocket_url, gateway.token_command)
        async with chromium(path) as browser, target.host(target.token("admin", "nora")) as host:
            await _take("page-sign-in", await _tab(browser, target, PHONE, "light"))
            await host.close((await host.start("Two-player Tuesday"))["id"])
            night = await _play(host)
            for name, size, scheme in (
                ("page-phone", PHONE, "dark"),
                ("page-wide", WIDE, "light"),
                ("page-wide-dark", WIDE, "dark"),
            ):
                visitor = await _tab(browser, target, size, "dark" if scheme == "dark" else "light")
                await _sign_in(visitor, target)
                await _take(name, visitor)
            visitor = await _tab(browser, target, PHONE, "light")
            await _sign_in(visitor, target)
            await host.close(night)
            await visitor.reads_heading("The results")
            await _take("page-results", visitor)


async def _play(host: Host) -> int:
    night: int = (await host.start("Friday Game Night"))["id"]
    for number, (title, more) in enumerate(GAMES, 1):
        await host.add_game(night, title, **more)
        for username, way, game in VOTES:
            if game == number:
                await host.vote(night, username, way, game_id=game)
    return night


async def _tab(
    browser: Browser, target: Target, size: tuple[int, int], scheme: Literal["dark", "light"]
) -> Visitor:
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        device_scale_factor=2 if size == PHONE else 1,
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-GB",
    )
    visitor = Visitor(await context.new_page(), f"{target.rest_url}/")
    await visitor.opens()
    await visitor.reads_heading("Sign in")
    return visitor


async def _sign_in(visitor: Visitor, target: Target) -> None:
    await visitor.signs_in(target.token("admin", "nora"))
    await visitor.reads_score("Codenames", "+2")
    await visitor.connection_is("live")
    await expect(visitor.page.locator("#feed .event")).to_have_count(1 + len(GAMES) + len(VOTES))


async def _take(name: str, visitor: Visitor) -> None:
    path = IMAGES / f"{name}.png"
    await visitor.page.screenshot(path=path)
    print(f"Wrote {path.relative_to(ROOT)}.")  # noqa: T201 - a command says what it has done


if __name__ == "__main__":
    asyncio.run(main())
