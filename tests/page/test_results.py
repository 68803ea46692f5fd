"""After a night its address shows what has come of it, as something that one sends to others."""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.clients import Host, Target
from tests.page.conftest import Visit
from tests.page.visitor import Visitor

SHARES = "navigator.share = async what => { window.shared = what }"
SHARES_NOTHING = """delete Navigator.prototype.share;
document.addEventListener('copy', () => { window.copied = document.activeElement.value })"""
DURATION = """async seconds => {
  const { durationText } = await import(document.querySelector('script').src.replace('main', 'results'));
  const from = new Date('2025-11-01T20:00:00.123Z');
  return durationText({ created_at: from, ended_at: new Date(from.getTime() + seconds * 1000) });
}"""


async def played(host: Host, notes: str, *votes: str) -> int:
    """See a night through in which everybody votes as told: "+ana" for the game of that place."""
    night: int = (await host.start(notes))["id"]
    for number, (title, cast) in enumerate(
        zip(("Quiplash", "Fibbage", "Tee K.O."), votes, strict=False), start=1
    ):
        await host.add_game(night, title)
        for vote in cast.split():
            await host.vote(night, vote[1:], "up" if vote[0] == "+" else "down", game_id=number)
    await host.close(night)
    return night


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        (("+ana +ben", "+Ana"), ("Quiplash won with +2", "2")),
        (("+ana", "+ben -ben", "+cleo"), ("Two games tied with +1: Quiplash and Tee K.O.", "3")),
        (("+ana", "+ana", "+ana"), ("Three games tied with +1: Quiplash, Fibbage and Tee K.O.", "1")),
        (("-ana", "+ana -ben"), ("No game came out ahead", "2")),
        (("", ""), ("Nobody voted", "0")),
        ((), ("Nothing was played", "0")),
    ],
)
async def test_it_says_who_has_won(
    visit: Visit, host: Host, target: Target, votes: tuple[str, ...], said: tuple[str, str]
) -> None:
    verdict, voters = said
    night = await played(host, "Friday Game Night", *votes)
    visitor = Visitor((await visit()).page, f"{target.rest_url}/#/night/{night}")

    await visitor.signs_in(target.token("bot"))

    await expect(visitor.page.locator("#verdict")).to_have_text(verdict)
    await expect(visitor.page.locator("#night-voters")).to_have_text(voters)
    await expect(visitor.page.locator("#night-lasted")).to_have_text("under 1 min")


async def test_a_night_that_is_on_has_no_results(visit: Visit, host: Host) -> None:
    night = (await host.start("Not yet"))["id"]
    await host.add_game(night, "Quiplash")
    visitor = await visit("admin")
    await visitor.reads_heading("Not yet")
    await expect(visitor.page.get_by_role("button", name="Share")).to_be_hidden()
    await expect(visitor.page.locator("#verdict")).to_be_hidden()
    await host.vote(night, "ana")
    await host.vote(night, "ben")
    withdrawn = await host.http.delete(f"/api/sessions/{night}/votes/1", params={"username": "ben"})
    assert withdrawn.status_code == 200

    await host.close(night)

    await expect(visitor.page.locator("#verdict")).to_have_text("Quiplash won with +1")
    await expect(visitor.page.locator("#night-voters")).to_have_text("1")


async def test_whose_votes_are_not_all_known_are_not_counted(
    visit: Visit, host: Host, target: Target
) -> None:
    night = (await host.start("Long"))["id"]
    await host.add_game(night, "Quiplash")
    for number in range(200):
        await host.vote(night, "ana", "down" if number % 2 else "up")
    await host.close(night)
    visitor = Visitor((await visit()).page, f"{target.rest_url}/#/night/{night}")

    await visitor.signs_in(target.token("bot"))

    await expect(visitor.page.locator("#verdict")).to_have_text("No game came out ahead")
    await expect(visitor.page.locator("#night-voters")).to_be_hidden()


async def test_the_results_are_shared_with_their_link(visit: Visit, host: Host, target: Target) -> None:
    night = await played(host, "Friday Game Night", "+ana +ben", "+ana")
    visitor = Visitor((await visit()).page, f"{target.rest_url}/#/night/{night}")
    await visitor.page.add_init_script(SHARES)
    await visitor.signs_in(target.token("bot"))

    await visitor.presses("Share")

    assert await visitor.page.evaluate("shared") == {
        "text": "Friday Game Night: Quiplash won with +2. 2 games, 3 votes of 2 people, under 1 min.",
        "url": f"{target.rest_url}/#/night/{night}",
    }


async def test_where_nothing_shares_they_are_copied_over_http_too(
    visit: Visit, host: Host, target: Target
) -> None:
    night = await played(host, "Friday Game Night", "+ana")
    home = f"http://nights.example:{urlsplit(target.rest_url).port}/"
    visitor = Visitor((await visit()).page, f"{home}#/night/{night}")
    await visitor.page.add_init_script(SHARES_NOTHING)
    await visitor.signs_in(target.token("bot"))

    await visitor.presses("Share")

    await expect(visitor.page.get_by_role("button", name="Copied")).to_be_focused()
    copied = await visitor.page.evaluate("copied")
    assert copied.startswith("Friday Game Night: Quiplash won with +1. 1 game, 1 vote of 1 person,")
    assert copied.endswith(f"\n{home}#/night/{night}")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(29, "under 1 min"), (31, "1 min"), (3599, "1 h"), (7800, "2 h 10 min"), (90000, "25 h")],
)
async def test_a_duration_is_in_hours_and_minutes(visit: Visit, seconds: int, text: str) -> None:
    visitor = await visit()
    await visitor.opens()

    assert await visitor.page.evaluate(DURATION, seconds) == text
