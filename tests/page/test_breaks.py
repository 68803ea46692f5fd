"""What networks, laptops and proxies do to the page, and that nothing is missing or doubled afterwards."""

import asyncio
import random
from collections.abc import Callable

from playwright.async_api import expect

from tests.clients import EVENTS, PATIENCE_SECONDS, Host, Target
from tests.gateway import POLL_SECONDS
from tests.page.conftest import Visit
from tests.page.visitor import Visitor
from tests.page.wire import Frame, Wire, as_it_is

STARTED, PLAYED, ANA = "The night has started", "Quiplash is on", "ana voted Quiplash up"
OTHER_EPOCH = """for (const key of Object.keys(sessionStorage)) {
  sessionStorage[key] = sessionStorage[key].replace(/"cursor":"[^"]*"/, '"cursor":"gone:1"');
}"""
"""As if the tables had been made anew since: the positions are of another epoch."""


async def playing(host: Host, notes: str) -> int:
    night: int = (await host.start(notes))["id"]
    await host.add_game(night, "Quiplash")
    return night


async def follows(visitor: Visitor) -> None:
    await visitor.connection_is("live")
    await visitor.reads_feed(PLAYED, STARTED)


async def goes_offline(visitor: Visitor) -> None:
    await visitor.page.context.set_offline(True)
    await visitor.page.clock.fast_forward("00:05")  # past its wait for a sign of the service
    await visitor.connection_is("connecting", "offline")


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110 - a list that a browser fills can only be looked at again
            await asyncio.sleep(POLL_SECONDS)


async def test_a_laptop_that_is_opened_shows_all_events(visit: Visit, host: Host) -> None:
    night = await playing(host, "Closed laptop")
    visitor = await visit("admin", own_time=True)
    await follows(visitor)

    await goes_offline(visitor)
    await host.vote(night, "ana")
    await host.add_game(night, "Tee K.O.")
    await host.vote(night, "ben", "down")
    await visitor.page.context.set_offline(False)

    await visitor.connection_is("live")
    await visitor.reads_feed("ben voted Tee K.O. down", "Tee K.O. is on", ANA, PLAYED, STARTED)
    await visitor.reads_score("Tee K.O.", "−1")


async def test_of_nights_that_started_meanwhile_the_newest_is_shown(visit: Visit, host: Host) -> None:
    visitor = await visit("admin", own_time=True)
    await visitor.connection_is("live")

    await goes_offline(visitor)
    for notes in ("While away", "Still away"):
        await host.close((await host.start(notes))["id"])
    await host.start("Back again")
    await visitor.page.context.set_offline(False)

    await visitor.reads_heading("Back again")
    await visitor.connection_is("live")
    await visitor.reads_feed(STARTED)


async def test_a_reload_goes_on_where_the_page_was(visit: Visit, host: Host) -> None:
    night = await playing(host, "Reloaded")
    wire = Wire()
    visitor = await visit("admin", wire=wire)
    await follows(visitor)

    await visitor.page.goto("about:blank")
    await host.vote(night, "ana")
    wire.sent.clear()
    await visitor.opens()

    await visitor.connection_is("live")
    await visitor.reads_feed(ANA, PLAYED, STARTED)
    assert wire.of_type("subscribe")[0]["since"].endswith(":2")


async def test_where_websockets_are_blocked_it_polls(visit: Visit, host: Host) -> None:
    wire = Wire(blocked=True)
    visitor = await visit("admin", wire=wire, own_time=True)

    await visitor.connection_is("polling")
    await expect(visitor.page.get_by_text("looks every few seconds")).to_be_visible()
    night = await playing(host, "Behind a proxy")
    await host.vote(night, "ana")
    await visitor.page.clock.fast_forward("00:05")  # to its next look
    await visitor.reads_heading("Behind a proxy")
    await visitor.reads_score("Quiplash", "+1")
    await visitor.votes("Quiplash", "up", "ben")
    await visitor.reads_score("Quiplash", "+2")
    wire.blocked = False
    await visitor.connection_is("live")
    await host.vote(night, "cleo")

    await visitor.reads_feed("cleo voted Quiplash up", "ben voted Quiplash up", ANA, PLAYED, STARTED)


async def test_a_replay_that_stops_goes_on_elsewhere(visit: Visit, host: Host) -> None:
    night = await playing(host, "A replay that stops")
    wire = Wire()
    visitor = await visit("admin", wire=wire, own_time=True)
    await follows(visitor)

    wire.passes = lambda frame: [] if frame["type"] in EVENTS else [frame]
    await wire.cut()
    await host.vote(night, "ana")
    await visitor.connection_is("catching-up")
    wire.passes = as_it_is
    await visitor.page.clock.fast_forward("00:16")  # past its wait for the next event

    await visitor.reads_feed(ANA, PLAYED, STARTED)
    await visitor.connection_is("live")


async def test_a_bad_line_shows_what_the_service_has(visit: Visit, host: Host) -> None:
    chance = random.Random(17)
    night = await playing(host, "A bad line")

    def doubles_some(frame: Frame) -> list[Frame]:
        return [frame] * chance.choice([1, 1, 2]) if frame["type"] in EVENTS else [frame]

    wire = Wire(passes=doubles_some)
    visitor = await visit("admin", wire=wire)
    await follows(visitor)

    for number in range(24):
        way, game = chance.choice(["up", "down"]), 1 + chance.randrange(1 + number // 8)
        await host.vote(night, f"voter {chance.randrange(5)}", way, game_id=game)
        if number % 8 == 7:
            await host.add_game(night, f"Game {number}")
            await wire.cut()
    wire.passes = as_it_is
    await host.add_game(night, "The last")

    await expect(visitor.game("The last")).to_be_visible()
    await visitor.connection_is("live")
    snapshot = await host.read(f"/api/sessions/{night}")
    await expect(visitor.page.locator("#games .game")).to_have_count(len(snapshot["games"]))
    for game in snapshot["games"]:
        score = game["totals"]["score"]
        await visitor.reads_score(game["title"], f"{score:+d}".replace("-", "−") if score else "0")
    happened = await host.polled(night)
    await expect(visitor.page.locator("#feed .event")).to_have_count(len(happened))


async def test_where_events_are_gone_the_night_is_read_anew(visit: Visit, host: Host) -> None:
    night = await playing(host, "Gone")
    visitor = await visit("admin")
    await follows(visitor)
    await visitor.page.goto("about:blank")
    await host.vote(night, "ana")
    await visitor.page.add_init_script(OTHER_EPOCH)

    await visitor.opens()

    await visitor.reads_score("Quiplash", "+1")
    await visitor.reads_feed("Some events before this are missing", PLAYED, STARTED)
    await host.vote(night, "ben")
    await visitor.reads_score("Quiplash", "+2")
    await visitor.connection_is("live")


async def test_an_old_connection_is_replaced_when_asked(visit: Visit, host: Host) -> None:
    night = await playing(host, "Old")
    wire = Wire()
    visitor = await visit("admin", wire=wire)
    await follows(visitor)

    before, connections = len(wire.of_type("subscribe")), wire.connections
    wire.tells({"type": "reconnect", "reason": "max_connection_age", "afterMs": 0})
    await until(lambda: len(wire.of_type("subscribe")) > before)
    await host.vote(night, "ana")

    await visitor.reads_score("Quiplash", "+1")
    assert wire.connections > connections
    assert wire.of_type("subscribe")[before]["since"].endswith(":2")


async def test_a_connection_on_which_nobody_answers_is_given_up(visit: Visit, host: Host) -> None:
    night = await playing(host, "Silence")
    wire = Wire()
    visitor = await visit("admin", wire=wire, own_time=True)
    await follows(visitor)

    wire.dead = True
    await host.vote(night, "ana")
    await visitor.page.clock.fast_forward("00:31")
    await until(lambda: wire.of_type("ping"))
    wire.dead = False
    await visitor.page.clock.fast_forward("00:11")

    await visitor.reads_score("Quiplash", "+1")
    await visitor.connection_is("live")


async def test_an_expiring_token_can_be_replaced_in_place(visit: Visit, target: Target, host: Host) -> None:
    await playing(host, "Renewed")
    wire = Wire()
    visitor = await visit("admin", "renews", wire=wire)
    await follows(visitor)
    renewal, new = visitor.page.get_by_label("New token"), target.token("admin", "renews", 7200)

    wire.tells({"type": "token_expiring", "expiresAt": "2025-11-01T20:00:00.000Z"})
    await renewal.fill(target.token("admin", "somebody else"))
    await visitor.presses("Stay")
    await visitor.is_told("That token belongs to somebody else.")
    await renewal.fill(new)
    await visitor.presses("Stay")

    await expect(renewal).to_be_hidden()
    await visitor.connection_is("live")
    assert wire.of_type("auth")[-1]["token"] == new
    assert await visitor.remembers("token") == new
    assert wire.connections == 1


async def test_whose_token_expired_comes_back_and_signs_out(visit: Visit, target: Target, host: Host) -> None:
    night = await playing(host, "Expired")
    wire = Wire()
    visitor = await visit("admin", wire=wire)
    await follows(visitor)

    expired = "The token has expired."
    wire.tells({"type": "error", "code": "token_expired", "message": expired, "retryable": False})
    await visitor.is_told("This token has expired.")
    await host.vote(night, "ana")
    await visitor.page.get_by_role("textbox", name="Token", exact=True).fill(target.token("admin"))
    await visitor.presses("Come in")
    await visitor.connection_is("live")
    await visitor.reads_feed(ANA, PLAYED, STARTED)

    await visitor.presses("Sign out")
    await visitor.reads_heading("Sign in")
    await visitor.opens()
    await visitor.reads_heading("Sign in")
    assert await visitor.page.evaluate("Object.keys(sessionStorage)") == []
