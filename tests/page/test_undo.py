"""What somebody did by mistake and takes back: a game that is removed, a vote that is withdrawn."""

import pytest
from playwright.async_api import Locator, Request, Route, expect

from tests.clients import Host
from tests.page.conftest import Visit
from tests.page.visitor import Visitor
from tests.page.wire import Wire


async def playing(host: Host, *titles: str) -> int:
    """Start a night with games. Returns its id."""
    night: int = (await host.start("Undo"))["id"]
    for title in titles:
        await host.add_game(night, title)
    return night


async def bill_is(visitor: Visitor, *titles: str) -> None:
    """Wait until exactly these games are on the bill, in this order, and the first one is played."""
    await expect(visitor.page.locator("#games h3 bdi")).to_have_text([*titles])
    await expect(visitor.page.locator("#night-games")).to_have_text(str(len(titles)))
    await expect(visitor.page.locator("#games .now h3 bdi")).to_have_text([*titles[:1]])


def button(visitor: Visitor, title: str, way: str) -> Locator:
    return visitor.page.get_by_role("button", name=f"Vote {title} {way}")


async def is_pressed(visitor: Visitor, title: str, *, up: bool, down: bool = False) -> None:
    for way, pressed in (("up", up), ("down", down)):
        await expect(button(visitor, title, way)).to_have_attribute("aria-pressed", str(pressed).lower())


async def lose_answer(route: Route, _: Request) -> None:
    await route.fetch()
    await route.abort()


async def test_games_are_removed_and_the_rest_stays_right(visit: Visit, host: Host) -> None:
    night = await playing(host, "Quiplash", "Fibage", "Tee K.O.")
    await host.vote(night, "ana", game_id=1)
    for name in ("ana", "ben"):
        await host.vote(night, name, game_id=3)
    visitor = await visit("admin")
    await bill_is(visitor, "Tee K.O.", "Fibage", "Quiplash")
    await visitor.connection_is("live")

    await visitor.removes("Fibage")
    await bill_is(visitor, "Tee K.O.", "Quiplash")
    await expect(visitor.game("Quiplash")).not_to_contain_text("In the lead")
    await visitor.removes("Tee K.O.")
    await bill_is(visitor, "Quiplash")
    await expect(visitor.game("Quiplash")).to_contain_text("Now playing · In the lead")
    await expect(visitor.page.locator("#night-votes")).to_have_text("1")
    await visitor.adds("Fibbage")
    await bill_is(visitor, "Fibbage", "Quiplash")
    await visitor.page.reload()
    await bill_is(visitor, "Fibbage", "Quiplash")
    await visitor.ends_the_night()

    await expect(visitor.game("Quiplash")).to_contain_text("Winner")
    await expect(visitor.page.get_by_role("button", name="Remove")).to_have_count(0)
    last = await host.read(f"/api/sessions/{night}")
    assert [game["id"] for game in last["games"]] == [1, 4]
    told = ["The night has ended 2 games", "Fibbage is on", "Tee K.O. was removed its votes no longer count"]
    await expect(visitor.page.locator("#feed .event p")).to_contain_text([*told, "Fibage was removed"])


async def test_who_presses_a_pressed_button_takes_the_vote_back(visit: Visit, host: Host) -> None:
    await playing(host, "Quiplash")
    visitor = await visit("bot")
    await visitor.connection_is("live")

    await visitor.votes("Quiplash", "up", "ana")
    await is_pressed(visitor, "Quiplash", up=True)
    await visitor.votes("Quiplash", "up", "ben")
    await visitor.reads_score("Quiplash", "+2")
    await is_pressed(visitor, "Quiplash", up=True)
    await visitor.votes("Quiplash", "up", " ANA ")
    await visitor.reads_score("Quiplash", "+1")
    await is_pressed(visitor, "Quiplash", up=False)
    await visitor.votes("Quiplash", "down", "ana")
    await visitor.reads_score("Quiplash", "0")

    await is_pressed(visitor, "Quiplash", up=False, down=True)
    await visitor.reads_feed(
        "ana voted Quiplash down now 0",
        "ana took the vote for Quiplash back now +1",
        "ben voted Quiplash up now +2",
        "ana voted Quiplash up now +1",
        "Quiplash is on",
        "The night has started",
    )


async def test_keys_and_a_screen_reader_are_enough(visit: Visit, host: Host) -> None:
    night = await playing(host, "Quiplash")
    await host.vote(night, "ana")
    visitor = await visit("admin")
    await visitor.connection_is("live")
    await visitor.page.get_by_label("Voting as").fill("ana")
    keyboard, remove = visitor.page.keyboard, visitor.page.get_by_role("button", name="Remove Quiplash")
    vote = button(visitor, "Quiplash", "up")
    await expect(vote).to_have_accessible_description("Press again to take the vote back")

    await vote.focus()
    await keyboard.press("Space")
    await visitor.reads_score("Quiplash", "0")
    await expect(vote).to_be_focused()
    await expect(visitor.page.locator("#announcer")).to_contain_text(
        "ana took the vote for Quiplash back, now 0"
    )
    await remove.focus()
    await keyboard.press("Enter")
    dialog = visitor.page.get_by_role("dialog", name="Remove the game?")
    await expect(dialog).to_have_accessible_description(
        "Quiplash and its votes no longer count. Everyone hears it."
    )
    await expect(visitor.page.get_by_role("button", name="Keep it")).to_be_focused()
    await keyboard.press("Escape")
    await expect(remove).to_be_focused()
    await keyboard.press("Enter")
    await expect(visitor.page.get_by_role("button", name="Keep it")).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Enter")

    await expect(visitor.game("Quiplash")).to_have_count(0)
    await expect(visitor.page.get_by_role("heading", name="On the bill")).to_be_focused()
    await expect(visitor.page.get_by_text("Nothing is on yet.")).to_be_visible()
    await expect(visitor.page.locator("#announcer")).to_contain_text("Quiplash was removed")


async def test_who_changes_their_mind_at_once_is_asked_once_more(visit: Visit, host: Host) -> None:
    await playing(host, "Quiplash")
    visitor = await visit("admin")
    await visitor.connection_is("live")

    # A dialog says only a moment later that it was closed.
    await visitor.page.get_by_role("button", name="Remove Quiplash").evaluate(
        "remove => { remove.click(); document.getElementById('removing').close('no'); remove.click(); }"
    )
    await visitor.presses("Remove it")

    await expect(visitor.game("Quiplash")).to_have_count(0)


async def test_a_bot_hears_what_a_host_undoes_and_removes_nothing(visit: Visit, host: Host) -> None:
    wire = Wire()
    night = await playing(host, "Quiplash", "Fibbage")
    await host.vote(night, "ana", game_id=1)
    visitor = await visit("bot", wire=wire)
    await visitor.connection_is("live")
    await visitor.page.get_by_label("Voting as").fill("ana")
    await is_pressed(visitor, "Quiplash", up=True)
    await expect(visitor.page.get_by_role("button", name="Remove")).to_have_count(0)

    wire.blocked = True
    await wire.cut()
    for path in ("games/2", "votes/1?username=ana"):
        assert (await host.http.delete(f"/api/sessions/{night}/{path}")).status_code == 200
    wire.blocked = False

    await bill_is(visitor, "Quiplash")
    await visitor.reads_score("Quiplash", "0")
    await is_pressed(visitor, "Quiplash", up=False)
    newcomer = await visit("bot", "newcomer")
    for one in (visitor, newcomer):
        await bill_is(one, "Quiplash")
        feed = one.page.locator("#feed .event p")
        await expect(feed.first).to_have_text("ana took the vote for Quiplash back now 0")


async def test_a_lost_answer_undoes_nothing_twice(visit: Visit, host: Host) -> None:
    night = await playing(host, "Quiplash")
    visitor = await visit("admin")
    await visitor.connection_is("live")

    async def pressed_twice(pattern: str, score: str) -> None:
        await visitor.page.route(pattern, lose_answer)
        await visitor.votes("Quiplash", "up", "ana")
        await visitor.is_told("The service could not be reached.")
        await visitor.reads_score("Quiplash", score)
        await visitor.page.unroute(pattern)
        await button(visitor, "Quiplash", "up").click()
        await expect(visitor.game("Quiplash").get_by_role("alert")).to_have_text("")
        await expect(button(visitor, "Quiplash", "up")).to_have_attribute("aria-busy", "false")

    await pressed_twice("**/votes", "+1")
    await is_pressed(visitor, "Quiplash", up=True)
    await pressed_twice("**/votes/*", "0")
    await is_pressed(visitor, "Quiplash", up=False)
    await visitor.votes("Quiplash", "up", "ana")
    await visitor.reads_score("Quiplash", "+1")

    fired = [event["type"] for event in await host.polled(night)]
    assert fired[2:] == ["vote.received", "vote.withdrawn", "vote.received"]


@pytest.mark.parametrize("titles", [("Quiplash",), ("Quiplash", "Fibbage")])
async def test_a_game_that_another_host_has_removed_is_gone(
    visit: Visit, host: Host, titles: tuple[str, ...]
) -> None:
    night = await playing(host, *titles)
    visitor = await visit("admin")
    await visitor.connection_is("live")

    await visitor.presses("Remove Quiplash")
    await host.http.delete(f"/api/sessions/{night}/games/1")
    await bill_is(visitor, *titles[1:])
    await visitor.presses("Remove it")

    await expect(visitor.page.get_by_role("dialog")).to_be_hidden()
    await bill_is(visitor, *titles[1:])
