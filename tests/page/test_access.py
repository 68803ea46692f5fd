"""Everybody can use the page: axe finds nothing serious, nothing is cut off, and nothing moves unasked."""

import re
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from playwright.async_api import expect

from tests.clients import Host, Target
from tests.gateway import ROOT
from tests.node import packages
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

WIDTHS = (320, 768, 1600)
LOOKS: tuple[tuple[Literal["dark", "light"], str], ...] = (("dark", "ltr"), ("light", "rtl"))
"""Only contrast depends on the scheme, and it does not depend on the direction: two of the four do."""

SERIOUS = """async (direction) => {
  document.documentElement.dir = direction;
  const { violations, passes } = await axe.run({ resultTypes: ['violations'] });
  if (passes.length <= 10) return ['axe has looked at nothing'];
  const { scrollWidth, clientWidth } = document.documentElement;
  return violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])
    .concat(scrollWidth > clientWidth ? [`something is ${scrollWidth} pixels wide`] : []);
}"""


@dataclass(frozen=True, slots=True)
class View:
    """What somebody sees at an address, known by a heading, after some buttons; ``on`` nights are on."""

    heading: str
    role: str | None = None
    address: str = ""
    presses: tuple[str, ...] = ()
    on: int = 1


VIEWS = {
    "signed out": View("Sign in"),
    "no token": View("Sign in", presses=("Come in",)),
    "join": View("You are invited.", address="#/join", presses=("Join",)),
    "join of a host": View("Sign in as a host", address=f"#/join/{'X' * 24}"),
    "sign in at a night": View("Sign in", address="#/night/{on}"),
    "no night": View("No night is on.", "admin", on=0),
    "list": View("2 nights are on.", "admin", "#/nights", on=2),
    "list of a bot": View("1 night is on.", "bot", "#/nights"),
    "host": View("Put a game on", "admin", "#/night/{on}", presses=("Put it on",)),
    "bot": View("On the bill", "bot", "#/night/{on}"),
    "inviting": View("Invite guests", "admin", "#/night/{on}", presses=("Invite guests",)),
    "another device": View("Sign in another device", "admin", "#/nights", ("Sign in another device",)),
    "television": View("Now playing", "admin", "#/night/{on}/tv"),
    "television of a bot": View("The results", "bot", "#/night/{ended}/tv"),
    "removing": View("Remove the game?", "admin", "#/night/{on}", presses=("Remove Quiplash",)),
    "ending": View("End the night?", "admin", "#/night/{on}", presses=("End the night",)),
    "ended": View("The results", "bot", "#/night/{ended}"),
    "unknown": View("1 night is on.", "admin", "#/night/999999"),
}


@pytest.fixture(scope="session")
def axe() -> str:
    return (packages(ROOT / "tests" / "page" / "node") / "axe-core" / "axe.min.js").read_text()


async def played(host: Host) -> int:
    """Start a night of long and of foreign texts, with votes. Returns its id."""
    night: int = (await host.start("ערב משחקים, a night with a name that needs more than one line"))["id"]
    await host.add_game(night, "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 2, pack_name="P" * 80)
    await host.add_game(night, "ليلة (2)", pack_name="ערכה 3")
    await host.add_game(night, "Quiplash", pack_name="Pack 2", min_players=3, max_players=8)
    await host.vote(night, "a" * 80)
    await host.vote(night, "ליאת", "down", game_id=1)
    return night


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
async def test_everybody_can_use(visit: Visit, host: Host, target: Target, axe: str, view: View) -> None:
    ended = await played(host)
    await host.close(ended)
    on = [await played(host) for _ in range(view.on)]
    page = (await visit()).page
    visitor = Visitor(page, f"{target.rest_url}/{view.address.format(ended=ended, on=on and on[0])}")
    await visitor.opens()
    if view.role:
        await visitor.signs_in(target.token(view.role))
        await visitor.connection_is("live")
    for button in view.presses:
        await visitor.presses(button)
    await visitor.reads_heading(view.heading)

    await page.evaluate(axe)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        for scheme, direction in LOOKS:
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found: Any = await page.evaluate(SERIOUS, direction)
            assert found == [], (width, scheme, direction)


@pytest.mark.parametrize(("motion", "animation"), [("reduce", "^none$"), ("no-preference", "^(?!none$)")])
async def test_things_move_where_wanted(visit: Visit, host: Host, motion: str, animation: str) -> None:
    await host.start("At rest")
    visitor = await visit("admin", reduced_motion=motion)
    await visitor.connection_is("live")

    event = visitor.page.locator("#feed .event").first
    await expect(event).to_have_css("animation-name", re.compile(animation))
