"""``POST /api/tokens``: an admin lets a bot in."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.clients import Connect, Host, Target
from tests.conformance.problems import problem

DAY = 24 * 60 * 60


async def test_a_token_is_answered_as_the_contract_shows_it(host: Host) -> None:
    answer = await host.send("/api/tokens", {"name": "kosmi", "ttl_seconds": DAY})

    minted = answer.json()
    until = datetime.strptime(minted["expires_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert answer.status_code == 201
    assert list(minted) == ["token", "expires_at", "role", "sub"]
    assert (minted["role"], minted["sub"]) == ("bot", "kosmi")
    assert abs(until - datetime.now(UTC) - timedelta(days=1)) < timedelta(minutes=5)


async def test_no_cache_may_keep_a_token(host: Host) -> None:
    answer = await host.send("/api/tokens", {"name": "kosmi", "ttl_seconds": DAY})

    assert answer.headers["cache-control"] == "no-store"


async def test_the_bot_can_connect_and_hears_what_bots_hear(connected: Connect, host: Host) -> None:
    minted = (await host.send("/api/tokens", {"name": "Zoës Bot 🎲", "ttl_seconds": DAY})).json()

    bot = await connected()
    answer = await bot.authenticate(minted["token"])
    session = await host.start()

    assert (answer["sub"], answer["role"]) == ("Zoës Bot 🎲", "bot")
    assert answer["expiresAt"] == minted["expires_at"]
    assert await bot.hear_start_of(session["id"])


async def test_the_bot_may_vote_and_not_more(target: Target, host: Host) -> None:
    minted = (await host.send("/api/tokens", {"name": "kosmi", "ttl_seconds": DAY})).json()
    session = await host.start()
    await host.add_game(session["id"])

    async with target.host(minted["token"]) as bot:
        counted = await bot.vote(session["id"], "zoe")
        refused = [await bot.post({}), await bot.send("/api/tokens", {"name": "x", "ttl_seconds": DAY})]

    assert counted["totals"]["upvotes"] == 1
    for answer in refused:
        problem(answer, 403, "forbidden")


async def test_each_request_makes_a_token_of_its_own(host: Host) -> None:
    body = {"name": "kosmi", "ttl_seconds": DAY}

    tokens = {(await host.send("/api/tokens", body)).json()["token"] for _ in range(2)}

    assert len(tokens) == 2


@pytest.mark.parametrize(("name", "ttl"), [("x", 60), ("x" * 128, 366 * DAY)])
async def test_the_limits_themselves_are_fine(host: Host, name: str, ttl: int) -> None:
    answer = await host.send("/api/tokens", {"name": name, "ttl_seconds": ttl})

    assert answer.status_code == 201, answer.text
    assert answer.json()["sub"] == name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", value) for value in (None, 5, "", " ", "x" * 129, ["kosmi"])),
        *(("ttl_seconds", value) for value in (None, 0, -1, 59, 366 * DAY + 1, 60.5, "60", True)),
    ],
)
async def test_a_field_that_is_not_in_the_contract_is_refused(host: Host, field: str, value: object) -> None:
    answer = await host.send("/api/tokens", {"name": "kosmi", "ttl_seconds": DAY, field: value})

    document = problem(answer, 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == [field]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "kosmi"},
        {"ttl_seconds": 60},
        {"name": "kosmi", "ttl_seconds": 60, "role": "admin"},
        [],
        None,
    ],
)
async def test_a_body_of_another_shape_is_refused(host: Host, body: object) -> None:
    answer = await host.send("/api/tokens", body)

    assert problem(answer, 400, "invalid_request")["errors"]
