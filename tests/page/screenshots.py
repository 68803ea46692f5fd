"""The pictures in docs/images: a night as it is played, on a phone, on a wide screen and in a terminal.

``make screenshots`` takes them again.
"""

import asyncio
import base64
import html
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT, Process
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

EVENTS = 1 + len(GAMES) + sum(len(votes.split()) for votes in VOTES.values())
BESIDE = """
<body style="margin: 0; padding: 36px; width: 1128px; display: flex; gap: 36px; background: #0d1117">
<img alt="" style="width: 300px; border: 8px solid #30363d; border-radius: 30px"
  src="data:image/png;base64,{}">
<pre style="flex: 1; margin: 0; padding: 22px 26px; border: 1px solid #30363d; border-radius: 12px;
  background: #161b22; color: #e6edf3; font: 17px/1.93 'DejaVu Sans Mono', monospace"
><b style="color: #7ee787">$ gamenight listen</b>
{}</pre>
"""
"""A phone's picture, and a terminal's lines."""


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
            night, lines = await _play(host, target)
            await _take("page-phone", await _signed_in(browser, target, PHONE, "dark"))
            await _take_both(browser, lines)
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


async def _play(host: Host, target: Target) -> tuple[int, list[str]]:
    """Play the night; return its number, and the lines that a terminal showed of it."""
    command = [sys.executable, "-m", "infra.cli", "listen", "--url", target.rest_url]
    token = {"GAMENIGHT_TOKEN": target.token("bot"), "PYTHONUNBUFFERED": "1"}
    environment = {**os.environ, **token}
    terminal = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=STDOUT)
    await _prints(terminal, "authenticated")
    night: int = (await host.start("Friday Game Night"))["id"]
    for number, (title, more) in enumerate(GAMES, 1):
        await host.add_game(night, title, **more)
        for vote in VOTES[number].split():
            await host.vote(night, vote[1:], "up" if vote[0] == "+" else "down", game_id=number)
    lines = [await _prints(terminal, f"  #{night}") for _ in range(EVENTS)]
    terminal.terminate()
    await terminal.wait()
    return night, lines


async def _prints(terminal: Process, wanted: str) -> str:
    """Return the next line that holds a text."""
    assert terminal.stdout is not None
    while wanted not in (line := (await terminal.stdout.readline()).decode()):
        if not line:
            sys.exit(f"gamenight listen ended before it printed {wanted}")
    return line.rstrip()


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
    await expect(visitor.page.locator("#feed .event")).to_have_count(EVENTS)
    return visitor


async def _take_both(browser: Browser, lines: list[str]) -> None:
    """Put the phone's picture beside the terminal's lines. Emoji need Debian's fonts-noto-color-emoji."""
    phone = base64.b64encode((IMAGES / "page-phone.png").read_bytes()).decode()
    page = await browser.new_page(viewport={"width": 1200, "height": 738})
    await page.set_content(BESIDE.format(phone, html.escape("\n".join(lines))))
    await _take("phone-and-terminal", Visitor(page, ""))


async def _take(name: str, visitor: Visitor) -> None:
    path = IMAGES / f"{name}.png"
    await visitor.page.screenshot(path=path)
    print(f"Wrote {path.relative_to(ROOT)}.")  # noqa: T201 - a command says what it has done


if __name__ == "__main__":
    asyncio.run(main())
