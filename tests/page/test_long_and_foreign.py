"""Whatever people write, and however much: it stays in its place, and what is played stays in view."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Locator, ViewportSize, expect

from tests.clients import Host
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

PHONE: ViewportSize = {"width": 375, "height": 667}
SMALL: ViewportSize = {"width": 360, "height": 640}
NARROW: ViewportSize = {"width": 320, "height": 568}
LONG = "A night that somebody has a lot to say about. " * 10 + "That is all of it, at last."
HEBREW, ARABIC, MIRRORED, BROKEN_OUT = "מסיבה!", "ليلة (2)", "\u202edesrever", "\u2069\u202edesrever"

BOX = """(list, text) => {
  const walker = document.createTreeWalker(list, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.data.indexOf(text);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(walker.currentNode, at);
    range.setEnd(walker.currentNode, at + text.length);
    const { left, right } = range.getBoundingClientRect();
    return { left, right };
  }
}"""


async def box(within: Locator, text: str) -> Any:
    """Return where a text is shown, from left to right."""
    return await within.evaluate(BOX, text)


async def bottom_of(element: Locator) -> float:
    return float(await element.evaluate("element => element.getBoundingClientRect().bottom"))


@pytest.mark.parametrize(
    "written", [HEBREW, ARABIC, MIRRORED, BROKEN_OUT, "\u2067ab", "\u202b\u202a\u202eab"]
)
async def test_what_people_wrote_turns_nothing_around_it(visit: Visit, host: Host, written: str) -> None:
    night = (await host.start(written))["id"]
    await host.add_game(night, written, pack_name=written, min_players=3, max_players=8)
    await host.vote(night, written)
    visitor = await visit("admin", viewport={"width": 1600, "height": 1000})
    await visitor.connection_is("live")
    vote = visitor.page.locator("#feed .event.of-up")
    await expect(vote).to_contain_text(" voted ")

    voted = await box(vote, " voted ")
    up = await box(vote, " up")
    assert voted["left"] < voted["right"] <= up["left"] < up["right"]
    players = await box(visitor.page.locator("#games .about"), "3–8 players")
    first = await box(visitor.page.locator("#games .about"), written)
    assert first["right"] <= players["left"] + 1
    for place in ("#night-title", "#games h3", "#games .about", "#feed .of-up p"):
        shown = visitor.page.locator(f"{place} bdi", has_text=written).first
        await expect(shown).to_be_visible()


async def test_what_is_typed_has_its_own_direction(visit: Visit, host: Host) -> None:
    await host.start("Fields")
    visitor = await visit("admin")
    title = visitor.page.get_by_role("combobox", name="Title")

    await title.fill(HEBREW)

    await expect(title).to_have_css("direction", "rtl")
    await title.fill("Quiplash")
    await expect(title).to_have_css("direction", "ltr")


@pytest.mark.parametrize("notes", [LONG[:500], "W" * 500, "🎲" * 500, "Eine Nacht\n" * 45])
async def test_long_notes_are_cut_off_behind_more(visit: Visit, host: Host, notes: str) -> None:
    night = (await host.start(notes))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await visit("admin", viewport=PHONE)
    title = visitor.page.locator("#night-title")
    await expect(visitor.game("Quiplash")).to_be_visible()
    cut_off = await height_of(title)

    assert await bottom_of(visitor.page.locator(".game.now .votes")) <= PHONE["height"]
    await visitor.presses("more")
    await expect(visitor.page.get_by_role("button", name="less")).to_have_attribute("aria-expanded", "true")
    assert await height_of(title) > cut_off
    assert await title.evaluate("title => title.firstElementChild.scrollHeight <= title.clientHeight + 8")
    await visitor.presses("less")

    assert await height_of(title) == cut_off


async def test_short_notes_have_no_more(visit: Visit, host: Host) -> None:
    await host.start("Friday Game Night")
    visitor = await visit("admin", viewport=PHONE)
    await visitor.reads_heading("Friday Game Night")
    await visitor.connection_is("live")

    await expect(visitor.page.get_by_role("button", name="more")).to_be_hidden()


@pytest.mark.usefixtures("host")
async def test_a_field_counts_as_the_service_does(visit: Visit) -> None:
    visitor = await visit("admin")
    notes = visitor.page.get_by_label("What is it?")

    await notes.fill("🎲" * 499)
    await expect(visitor.page.get_by_text("499 of 500 characters")).to_be_visible()
    await expect(notes).to_have_accessible_description("499 of 500 characters")
    await notes.fill("🎲" * 501)
    await expect(visitor.page.get_by_text("501 of 500 characters")).to_be_visible()
    await visitor.presses("Start the night")
    await expect(visitor.page.get_by_text("The notes can have 500 characters.")).to_be_visible()
    await expect(notes).to_have_value("🎲" * 501)
    await notes.fill("🎲" * 500)
    await visitor.presses("Start the night")

    await expect(visitor.page.locator("#night-title")).to_have_text("🎲" * 500)


async def height_of(element: Locator) -> float:
    return float(await element.evaluate("element => element.getBoundingClientRect().height"))


async def crowded(host: Host) -> int:
    night: int = (await host.start("Fifty games"))["id"]
    for number in range(1, 51):
        await host.add_game(night, f"Game {number}", pack_name="A pack", min_players=2, max_players=8)
    await asyncio.gather(
        *(host.cast(night, f"voter {n}", "down" if n % 3 else "up", game_id=1 + n % 50) for n in range(200))
    )
    return night


async def sees_the_current_game(visitor: Visitor, size: ViewportSize) -> None:
    await visitor.page.set_viewport_size(size)
    assert await visitor.page.evaluate("scrollY") == 0
    assert await bottom_of(visitor.page.locator(".game.now .votes")) <= size["height"]
    beyond = await visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert beyond <= 0


@pytest.mark.parametrize("role", ["admin", "bot"])
async def test_with_fifty_games_the_current_one_is_in_view(visit: Visit, host: Host, role: str) -> None:
    night = await crowded(host)
    visitor = await visit(role, viewport=PHONE)
    await expect(visitor.game("Game 50")).to_contain_text("Now playing")
    await visitor.connection_is("live")

    for size in (PHONE, SMALL, NARROW):
        await sees_the_current_game(visitor, size)
    await visitor.page.set_viewport_size(PHONE)
    assert await visitor.page.evaluate("document.documentElement.scrollHeight") < 3 * PHONE["height"]
    await expect(visitor.game("Game 49")).to_be_hidden()
    await visitor.presses("All 50 games")
    await expect(visitor.game("Game 1")).to_be_visible()
    await visitor.presses("Fewer games")
    await visitor.page.evaluate("scrollTo(0, 0)")
    await host.add_game(night, "Game 51")
    await expect(visitor.game("Game 51")).to_be_visible()
    await expect(visitor.game("Game 50")).to_be_hidden()
    await sees_the_current_game(visitor, PHONE)
    await host.close(night)

    await visitor.reads_heading("The results")
    await expect(visitor.page.get_by_role("button", name="All 51 games")).to_be_visible()
    assert await visitor.page.evaluate("document.documentElement.scrollHeight") < 4 * PHONE["height"]


async def test_a_vote_that_is_about_to_be_pressed_does_not_go_away(visit: Visit, host: Host) -> None:
    night = (await host.start("Slow thumb"))["id"]
    for number in range(1, 6):
        await host.add_game(night, f"Game {number}")
    visitor = await visit("admin", viewport=PHONE)
    vote = visitor.page.get_by_role("button", name="Vote Game 5 up")
    await vote.focus()

    await host.add_game(night, "Game 6")

    await expect(visitor.game("Game 6")).to_be_visible()
    await expect(vote).to_be_focused()
    await expect(vote).to_be_visible()
