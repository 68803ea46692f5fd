"""Everybody can use the page: axe finds nothing serious, nothing is cut off, and nothing moves unasked."""

from typing import Any, Literal

import pytest
from playwright.async_api import ViewportSize, expect

from tests.clients import Host, Target
from tests.gateway import ROOT
from tests.node import packages
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

NODE = ROOT / "tests" / "page" / "node"
SERIOUS = {"serious", "critical"}
SIZES: dict[str, ViewportSize] = {
    "phone": {"width": 360, "height": 780},
    "wide": {"width": 1600, "height": 1000},
}
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")


@pytest.fixture(scope="session")
def axe() -> str:
    return (packages(NODE) / "axe-core" / "axe.min.js").read_text()


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
                if one["impact"] in SERIOUS
            ]
            assert serious == [], (name, scheme)
            assert len(found["passes"]) > 10, "axe has looked at nothing"
        beyond = await visitor.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert beyond <= 0, f"something is wider than the window of a {name}"


async def test_signed_out_everybody_can_use_it(visit: Visit, axe: str) -> None:
    visitor = await visit()
    await visitor.signs_in("open sesame")
    await expect(visitor.page.get_by_text("That is no token.")).to_be_visible()

    await is_usable(visitor, axe)


async def test_in_the_lobby_everybody_can_use_it(visit: Visit, target: Target, host: Host, axe: str) -> None:
    await host.close((await host.start("The night before"))["id"])
    visitor = await visit()
    await visitor.signs_in(target.token("admin"))
    await expect(visitor.page.get_by_role("button", name="The night before")).to_be_visible()

    await is_usable(visitor, axe)


async def test_mid_night_and_after_it_everybody_can_use_it(
    visit: Visit, target: Target, host: Host, axe: str
) -> None:
    night = (await host.start("A night with a name that is long enough to need more than one line"))["id"]
    await host.add_game(night, "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 2, pack_name="P" * 80)
    await host.add_game(night, "Quiplash", pack_name="Pack 2", min_players=3, max_players=8)
    await host.vote(night, "a" * 80)
    await host.vote(night, "ben", "down", game_id=1)
    visitor = await visit()
    await visitor.signs_in(target.token("admin"))
    await visitor.reads_score("Quiplash", "+1")
    await visitor.presses("Put it on")
    await expect(visitor.page.get_by_text("A game needs a title")).to_be_visible()
    await visitor.connection_is("live")

    await is_usable(visitor, axe)
    await visitor.presses("End the night")
    await expect(visitor.page.get_by_role("dialog")).to_be_visible()
    await is_usable(visitor, axe)
    await visitor.presses("End it")
    await visitor.reads_heading("The results")
    await is_usable(visitor, axe)


@pytest.mark.parametrize(("motion", "runs"), [("reduce", False), ("no-preference", True)])
async def test_nothing_moves_for_who_wants_nothing_to_move(
    visit: Visit,
    target: Target,
    host: Host,
    motion: str,
    runs: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    await host.start("At rest")
    visitor = await visit(reduced_motion=motion)
    await visitor.signs_in(target.token("admin"))
    await visitor.connection_is("live")

    animation = await visitor.page.locator("#feed .event").first.evaluate(
        "event => getComputedStyle(event).animationName"
    )

    assert (animation != "none") == runs
