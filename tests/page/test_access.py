"""Everybody can use the page: axe finds nothing serious, nothing is cut off, and nothing moves unasked."""

import re
from typing import Any, Literal

import pytest
from playwright.async_api import ViewportSize, expect

from tests.clients import Host
from tests.gateway import ROOT
from tests.node import packages
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

SIZES: dict[str, ViewportSize] = {
    "phone": {"width": 360, "height": 780},
    "wide": {"width": 1600, "height": 1000},
}
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="session")
def axe() -> str:
    return (packages(ROOT / "tests" / "page" / "node") / "axe-core" / "axe.min.js").read_text()


async def is_usable(visitor: Visitor, axe: str) -> None:
    """Check the view that is shown, at both sizes and in both colour schemes."""
    await visitor.page.evaluate(axe)
    for name, size in SIZES.items():
        await visitor.page.set_viewport_size(size)
        for scheme in SCHEMES:
            await visitor.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found: Any = await visitor.page.evaluate("axe.run()")
            serious = [
                (one["id"], [node["html"] for node in one["nodes"]])
                for one in found["violations"]
                if one["impact"] in ("serious", "critical")
            ]
            assert serious == [], (name, scheme)
            assert len(found["passes"]) > 10, "axe has looked at nothing"
        assert await visitor.page.evaluate(BEYOND) <= 0, f"something is wider than the window of a {name}"


async def test_before_a_night_everybody_can_use_it(visit: Visit, host: Host, axe: str) -> None:
    await host.close((await host.start("The night before"))["id"])
    signed_out = await visit()
    await signed_out.signs_in("open sesame")
    await expect(signed_out.page.get_by_text("That is no token.")).to_be_visible()
    await is_usable(signed_out, axe)

    in_lobby = await visit("admin")
    await expect(in_lobby.page.get_by_role("button", name="The night before")).to_be_visible()
    await is_usable(in_lobby, axe)


async def test_mid_night_and_after_it_everybody_can_use_it(visit: Visit, host: Host, axe: str) -> None:
    night = (await host.start("A night with a name that is long enough to need more than one line"))["id"]
    await host.add_game(night, "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 2, pack_name="P" * 80)
    await host.add_game(night, "Quiplash", pack_name="Pack 2", min_players=3, max_players=8)
    await host.vote(night, "a" * 80)
    await host.vote(night, "ben", "down", game_id=1)
    visitor = await visit("admin")
    await visitor.reads_score("Quiplash", "+1")
    await visitor.presses("Put it on")
    await expect(visitor.page.get_by_text("A game needs a title")).to_be_visible()
    await visitor.connection_is("live")

    await is_usable(visitor, axe)
    await visitor.presses("Remove Quiplash")
    await expect(visitor.page.get_by_role("dialog")).to_be_visible()
    await is_usable(visitor, axe)
    await visitor.presses("Keep it")
    await visitor.presses("End the night")
    await expect(visitor.page.get_by_role("dialog")).to_be_visible()
    await is_usable(visitor, axe)
    await visitor.presses("End it")
    await visitor.reads_heading("The results")
    await is_usable(visitor, axe)


@pytest.mark.parametrize(("motion", "animation"), [("reduce", "^none$"), ("no-preference", "^(?!none$)")])
async def test_things_move_where_wanted(visit: Visit, host: Host, motion: str, animation: str) -> None:
    await host.start("At rest")
    visitor = await visit("admin", reduced_motion=motion)
    await visitor.connection_is("live")

    event = visitor.page.locator("#feed .event").first
    await expect(event).to_have_css("animation-name", re.compile(animation))
