"""A night from its start to its end, on the page."""

import re

import pytest
from playwright.async_api import Route, expect

from tests.clients import Host, Target
from tests.page.conftest import Visit
from tests.page.visitor import Visitor


async def test_a_host_sees_a_night_through(visit: Visit, host: Host) -> None:
    visitor = await visit("admin")
    await visitor.connection_is("live")

    await visitor.starts("Friday Game Night")
    night = await host.read("/api/sessions/active")
    await visitor.adds("Quiplash")
    await visitor.adds("Tee K.O.")
    await visitor.votes("Quiplash", "up", "ana")
    await visitor.reads_score("Quiplash", "+1")
    await visitor.votes("Tee K.O.", "down", "ben")
    await visitor.reads_score("Tee K.O.", "−1")
    await visitor.ends_the_night()

    await visitor.reads_heading("The results")
    await visitor.reads_feed(
        "The night has ended",
        "ben voted Tee K.O. down",
        "ana voted Quiplash up",
        "Tee K.O. is on",
        "Quiplash is on",
        "The night has started",
    )
    await expect(visitor.game("Quiplash")).to_contain_text("Winner")
    last = await host.read(f"/api/sessions/{night['id']}")
    assert (last["notes"], last["games_played"], last["is_active"]) == ("Friday Game Night", 2, 0)
    await visitor.presses("Start another night")
    await visitor.page.get_by_role("button", name=f"№ {night['id']} ").click()
    await visitor.reads_heading("The results")


@pytest.mark.parametrize("ending", ["", "/"])
async def test_it_works_below_a_stages_path(visit: Visit, target: Target, host: Host, ending: str) -> None:
    async def as_on_a_stage(route: Route) -> None:
        answer = await route.fetch(url=route.request.url.replace("/dev", "", 1))
        body = (await answer.text()).replace('"/page/', '"/dev/page/')
        await route.fulfill(response=answer, body=body)

    night = (await host.start("On a stage"))["id"]
    tab = await visit()
    await tab.page.route(re.compile(rf"^{re.escape(target.rest_url)}/dev\b"), as_on_a_stage)
    visitor = Visitor(tab.page, f"{target.rest_url}/dev{ending}")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))

    await visitor.signs_in(target.token("admin"))
    await visitor.adds("Quiplash")
    # Chromium lets no page that a test has made up call a WebSocket of this machine.
    await visitor.connection_is("live", "polling")

    assert (await host.read(f"/api/sessions/{night}"))["games_played"] == 1
    assert {url.startswith(f"{target.rest_url}/dev") for url in asked} == {True}


async def test_a_bot_hears_what_others_do_and_votes(visit: Visit, host: Host) -> None:
    visitor = await visit("bot")
    await expect(visitor.page.get_by_text("you can watch and vote")).to_be_visible()
    await visitor.connection_is("live")

    night = (await host.start("From elsewhere"))["id"]
    await host.add_game(night, "Fibbage", pack_name="Pack 1", min_players=2, max_players=8)
    await visitor.reads_heading("From elsewhere")
    await expect(visitor.game("Fibbage")).to_contain_text("Pack 1 · 2–8 players")
    await host.vote(night, "cleo")
    await expect(visitor.page.locator("#announcer")).to_contain_text("cleo voted Fibbage up, now +1")
    await visitor.votes("Fibbage", "up", "ana")

    await visitor.reads_score("Fibbage", "+2")
    await expect(visitor.page.get_by_role("button", name="End the night")).to_be_hidden()
    await expect(visitor.page.get_by_role("combobox", name="Title")).to_be_hidden()


async def test_who_votes_twice_counts_once(visit: Visit, host: Host) -> None:
    night = (await host.start("Twice"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await visit("admin")

    await visitor.votes("Quiplash", "up", "ana")
    await visitor.reads_score("Quiplash", "+1")
    await visitor.votes("Quiplash", "down", "Ana ")
    await visitor.reads_score("Quiplash", "−1")

    for way, pressed in (("down", "true"), ("up", "false")):
        button = visitor.page.get_by_role("button", name=f"Vote Quiplash {way}")
        await expect(button).to_have_attribute("aria-pressed", pressed)


async def test_another_night_does_not_take_the_stage(visit: Visit, host: Host) -> None:
    await host.start("The first")
    visitor = await visit("admin")
    await visitor.reads_heading("The first")
    await visitor.connection_is("live")

    await host.start("The second")
    await expect(visitor.page.get_by_text("Another night has started")).to_be_visible()
    await visitor.reads_heading("The first")
    await visitor.presses("Go there")

    await visitor.reads_heading("The second")


@pytest.mark.usefixtures("host")
async def test_a_night_can_be_hosted_by_keyboard_alone(visit: Visit) -> None:
    visitor = await visit("admin")
    keyboard = visitor.page.keyboard

    await expect(visitor.page.get_by_role("heading", name="No night is on.")).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.type("By keyboard")
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(visitor.page.get_by_role("heading", name="By keyboard", level=1)).to_be_focused()
    for _ in ("Invite guests", "End the night", "Television", "Title"):
        await keyboard.press("Tab")
    await keyboard.type("Quiplash")
    await keyboard.press("Enter")
    await expect(visitor.game("Quiplash")).to_be_visible()
    await expect(visitor.page.get_by_role("combobox", name="Title")).to_be_focused()
    vote = visitor.page.get_by_role("button", name="Vote Quiplash up")
    await vote.focus()
    await keyboard.press("Space")
    await visitor.reads_score("Quiplash", "+1")
    await expect(vote).to_be_focused()
    await visitor.page.get_by_role("button", name="End the night").focus()
    await keyboard.press("Enter")
    await expect(visitor.page.get_by_role("button", name="Keep playing")).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Enter")

    await visitor.reads_heading("The results")
    await expect(visitor.page.get_by_role("heading", name="By keyboard", level=1)).to_be_focused()
