"""What networks, laptops and proxies do to the page, and that nothing is missing or doubled afterwards."""

import asyncio
import json
import random
from collections.abc import Callable
from urllib.parse import quote

import boto3
import httpx
from playwright.async_api import expect

from infra.deploy.template import tables
from infra.local.state import StateDir
from tests.clients import EVENTS, PATIENCE_SECONDS, Host, Target
from tests.gateway import POLL_SECONDS, Gateway
from tests.page.conftest import Visit
from tests.page.visitor import Visitor
from tests.page.wire import Frame, Wire, as_it_is

STARTED, PLAYED = "The night has started", "Quiplash is on"


async def playing(host: Host, notes: str) -> int:
    night: int = (await host.start(notes))["id"]
    await host.add_game(night, "Quiplash")
    return night


async def watching(visitor: Visitor, target: Target, subject: str = "host") -> None:
    await visitor.signs_in(target.token("admin", subject))
    await visitor.connection_is("live")
    await visitor.reads_feed(PLAYED, STARTED)


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110 - a list that a browser fills can only be looked at again
            await asyncio.sleep(POLL_SECONDS)


async def test_a_connection_that_the_service_ends_is_replaced_and_nothing_is_missing(
    visit: Visit, target: Target, host: Host, gateway: Gateway
) -> None:
    night = await playing(host, "Cut off")
    visitor = await visit()
    await watching(visitor, target, "cut off")

    for number in range(2):
        await end_connection_of(gateway, "cut off")
        await host.vote(night, f"voter {number}")
        await visitor.reads_score("Quiplash", f"+{number + 1}")
        await visitor.connection_is("live")

    await visitor.reads_feed("voter 1 voted Quiplash up", "voter 0 voted Quiplash up", PLAYED, STARTED)


async def test_a_laptop_that_was_closed_shows_all_that_happened_when_it_is_opened(
    visit: Visit, target: Target, host: Host
) -> None:
    night = await playing(host, "Closed laptop")
    visitor = await visit()
    await visitor.page.clock.install()
    await watching(visitor, target)

    await visitor.page.context.set_offline(True)
    await visitor.page.clock.fast_forward("00:05")  # past its wait for a sign of the service
    await visitor.connection_is("connecting", "offline")
    await host.vote(night, "ana")
    await host.add_game(night, "Tee K.O.")
    await host.vote(night, "ben", "down")
    await visitor.page.context.set_offline(False)

    await visitor.connection_is("live")
    await visitor.reads_feed(
        "ben voted Tee K.O. down", "Tee K.O. is on", "ana voted Quiplash up", PLAYED, STARTED
    )
    await visitor.reads_score("Tee K.O.", "−1")


async def test_of_all_nights_that_started_meanwhile_the_newest_is_shown(
    visit: Visit, target: Target, host: Host
) -> None:
    visitor = await visit()
    await visitor.page.clock.install()
    await visitor.signs_in(target.token("admin"))
    await visitor.connection_is("live")

    await visitor.page.context.set_offline(True)
    await visitor.page.clock.fast_forward("00:05")  # past its wait for a sign of the service
    await visitor.connection_is("connecting", "offline")
    for notes in ("While away", "Still away"):
        await host.close((await host.start(notes))["id"])
    await host.start("Back again")
    await visitor.page.context.set_offline(False)

    await visitor.reads_heading("Back again")
    await visitor.connection_is("live")
    await visitor.reads_feed(STARTED)


async def test_a_reload_goes_on_where_the_page_was(visit: Visit, target: Target, host: Host) -> None:
    night = await playing(host, "Reloaded")
    visitor = await visit()
    wire = await Wire().lie_before(visitor.page)
    await watching(visitor, target)

    await visitor.page.goto("about:blank")
    await host.vote(night, "ana")
    wire.sent.clear()
    await visitor.opens()

    await visitor.connection_is("live")
    await visitor.reads_feed("ana voted Quiplash up", PLAYED, STARTED)
    asked = wire.of_type("subscribe")[0]
    assert asked["since"].endswith(":2")


async def test_where_websockets_are_blocked_it_polls_and_goes_back_to_live(
    visit: Visit, target: Target, host: Host
) -> None:
    visitor = await visit()
    await visitor.page.clock.install()
    wire = await Wire(blocked=True).lie_before(visitor.page)

    await visitor.signs_in(target.token("admin"))
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

    await visitor.reads_feed(
        "cleo voted Quiplash up", "ben voted Quiplash up", "ana voted Quiplash up", PLAYED, STARTED
    )


async def test_what_comes_twice_is_shown_once(visit: Visit, target: Target, host: Host) -> None:
    night = await playing(host, "Doubled")
    visitor = await visit()
    await Wire(passes=lambda frame: [frame, frame]).lie_before(visitor.page)
    await watching(visitor, target)

    await host.vote(night, "ana")
    await host.vote(night, "ben")

    await visitor.reads_feed("ben voted Quiplash up", "ana voted Quiplash up", PLAYED, STARTED)


async def test_a_replay_that_stops_is_gone_on_with_on_another_connection(
    visit: Visit, target: Target, host: Host
) -> None:
    night = await playing(host, "A replay that stops")
    visitor = await visit()
    await visitor.page.clock.install()
    wire = await Wire().lie_before(visitor.page)
    await watching(visitor, target)

    wire.passes = lambda frame: [] if frame["type"] in EVENTS else [frame]
    await wire.cut()
    await host.vote(night, "ana")
    await visitor.connection_is("catching-up")
    wire.passes = as_it_is
    await visitor.page.clock.fast_forward("00:16")  # past its wait for the next event

    await visitor.reads_feed("ana voted Quiplash up", PLAYED, STARTED)
    await visitor.connection_is("live")


async def test_on_the_worst_of_lines_the_page_ends_with_what_the_service_has(
    visit: Visit, target: Target, host: Host
) -> None:
    chance = random.Random(17)
    night = await playing(host, "A bad line")
    visitor = await visit()
    wire = await Wire().lie_before(visitor.page)
    await watching(visitor, target)

    def worst(frame: Frame) -> list[Frame]:
        return [frame] * chance.choice([1, 1, 2]) if frame["type"] in EVENTS else [frame]

    wire.passes = worst
    for number in range(24):
        way = chance.choice(["up", "down"])
        await host.vote(
            night, f"voter {chance.randrange(5)}", way, game_id=1 + chance.randrange(1 + number // 8)
        )
        if number % 8 == 7:
            await host.add_game(night, f"Game {number}")
            await wire.cut()
    wire.passes = as_it_is
    await host.add_game(night, "The last")

    await expect(visitor.game("The last")).to_be_visible()
    await visitor.connection_is("live")
    snapshot = await host.read(f"/api/sessions/{night}")
    shown = visitor.page.locator("#games .game")
    await expect(shown).to_have_count(len(snapshot["games"]))
    for game in snapshot["games"]:
        score = game["totals"]["score"]
        await visitor.reads_score(game["title"], f"{score:+d}".replace("-", "−") if score else "0")
    happened = [event["type"] for event in await host.polled(night)]
    await expect(visitor.page.locator("#feed .event")).to_have_count(len(happened))


async def test_where_events_are_gone_the_night_is_read_anew(visit: Visit, target: Target, host: Host) -> None:
    night = await playing(host, "Gone")
    visitor = await visit()
    await watching(visitor, target)
    await visitor.page.goto("about:blank")
    await host.vote(night, "ana")
    # As if the tables had been made anew since: the positions are of another epoch.
    await visitor.page.add_init_script(
        """for (const key of Object.keys(sessionStorage)) {
          sessionStorage[key] = sessionStorage[key].replace(/"cursor":"[^"]*"/, '"cursor":"gone:1"');
        }"""
    )

    await visitor.opens()

    await visitor.reads_score("Quiplash", "+1")
    await visitor.reads_feed("Some events before this could not be had any more", PLAYED, STARTED)
    await host.vote(night, "ben")
    await visitor.reads_score("Quiplash", "+2")
    await visitor.connection_is("live")


async def test_a_connection_that_has_become_old_is_replaced_when_the_service_says_so(
    visit: Visit, target: Target, host: Host
) -> None:
    night = await playing(host, "Old")
    visitor = await visit()
    wire = await Wire().lie_before(visitor.page)
    await watching(visitor, target)

    before, connections = len(wire.of_type("subscribe")), wire.connections
    wire.tells({"type": "reconnect", "reason": "max_connection_age", "afterMs": 0})
    await until(lambda: len(wire.of_type("subscribe")) > before)
    await host.vote(night, "ana")

    await visitor.reads_score("Quiplash", "+1")
    assert wire.connections > connections
    assert wire.of_type("subscribe")[before]["since"].endswith(":2")


async def test_a_connection_on_which_nobody_answers_is_given_up(
    visit: Visit, target: Target, host: Host
) -> None:
    night = await playing(host, "Silence")
    visitor = await visit()
    await visitor.page.clock.install()
    wire = await Wire().lie_before(visitor.page)
    await watching(visitor, target)

    wire.dead = True
    await host.vote(night, "ana")
    await visitor.page.clock.fast_forward("00:31")
    await until(lambda: wire.of_type("ping"))
    wire.dead = False
    await visitor.page.clock.fast_forward("00:11")

    await visitor.reads_score("Quiplash", "+1")
    await visitor.connection_is("live")


async def test_a_token_that_is_about_to_expire_can_be_replaced_without_leaving(
    visit: Visit, target: Target, host: Host
) -> None:
    await playing(host, "Renewed")
    visitor = await visit()
    wire = await Wire().lie_before(visitor.page)
    await watching(visitor, target, "renews")
    renewal = visitor.page.get_by_label("New token")

    wire.tells({"type": "token_expiring", "expiresAt": "2025-11-01T20:00:00.000Z"})
    await renewal.fill(target.token("admin", "somebody else"))
    await visitor.presses("Stay")
    await visitor.is_told("That token belongs to somebody else.")
    new = target.token("admin", "renews", 7200)
    await renewal.fill(new)
    await visitor.presses("Stay")

    await expect(renewal).to_be_hidden()
    await visitor.connection_is("live")
    assert wire.of_type("auth")[-1]["token"] == new
    assert await visitor.remembers("token") == new
    assert wire.connections == 1


async def test_who_comes_back_after_the_token_has_expired_is_where_they_were(
    visit: Visit, target: Target, host: Host
) -> None:
    night = await playing(host, "Expired")
    visitor = await visit()
    wire = await Wire().lie_before(visitor.page)
    await watching(visitor, target)

    expired = "The token has expired."
    wire.tells({"type": "error", "code": "token_expired", "message": expired, "retryable": False})
    await visitor.is_told("This token has expired.")
    await host.vote(night, "ana")
    await visitor.page.get_by_role("textbox", name="Token", exact=True).fill(target.token("admin"))
    await visitor.presses("Come in")

    await visitor.connection_is("live")
    await visitor.reads_feed("ana voted Quiplash up", PLAYED, STARTED)


async def test_who_signs_out_leaves_nothing_behind(visit: Visit, target: Target, host: Host) -> None:
    await playing(host, "Signed out")
    visitor = await visit()
    await watching(visitor, target)

    await visitor.presses("Sign out")
    await visitor.reads_heading("Sign in")
    await visitor.opens()

    await visitor.reads_heading("Sign in")
    assert await visitor.page.evaluate("Object.keys(sessionStorage)") == []


async def end_connection_of(gateway: Gateway, subject: str) -> None:
    """End a subject's only connection as the service does, once the one before it is forgotten."""
    await until(lambda: len(connections_of(gateway, subject)) == 1)
    [connection] = connections_of(gateway, subject)
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=local"}
    stage = json.loads(StateDir(gateway.state).served.read_text())["PUSH_ENDPOINT"].format(stage="local")
    async with httpx.AsyncClient(headers=signed) as management:
        ended = await management.delete(f"{stage}/@connections/{quote(connection, safe='')}")
    assert ended.status_code == 204, ended.text


def connections_of(gateway: Gateway, subject: str) -> list[str]:
    """Return the ids of a subject's connections."""
    credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    dynamodb = boto3.client("dynamodb", "us-east-1", endpoint_url=gateway.dynamodb_url, **credentials)
    rows = dynamodb.scan(TableName=tables("local")["ConnectionsTable"].name, ConsistentRead=True)["Items"]
    heads = [row for row in rows if row.get("subject") == {"S": subject} and row["SK"] == {"S": "head"}]
    return [row["PK"]["S"].removeprefix("connection#") for row in heads]
