"""Nights from start to end: ``POST /api/sessions``, ``.../games`` and ``.../close``."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients import Bot, Host, Target
from tests.conformance.nights import is_a_timestamp
from tests.conformance.problems import problem


async def test_a_session_is_answered_as_the_contract_shows(target: Target, host: Host) -> None:
    answer = await host.post({"notes": "Friday Game Night"})

    session = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    assert list(session) == ["id", "is_active", "created_at", "notes"]
    assert (type(session["id"]), type(session["is_active"])) == (int, int)
    assert (session["is_active"], session["notes"]) == (1, "Friday Game Night")
    assert is_a_timestamp(session["created_at"])
    assert abs(datetime.now(UTC) - datetime.fromisoformat(session["created_at"])) < timedelta(minutes=5)
    location = answer.url.join(answer.headers["location"])
    assert str(location) == f"{target.rest_url}/api/sessions/{session['id']}"


@pytest.mark.parametrize(
    "text",
    [
        "Spieleabend für Zoë, 遊戲之夜, ليلة الألعاب",
        "🎲🎉 👨‍👩‍👧‍👦 🏳️‍🌈 e\u0301",
        "\"quoted\" \\ and / </script> {'a': 1} %s {0}",
        "a\u0000b\u001f\u2028\u2029\ufeff\U0010ffff",
    ],
)
async def test_texts_come_back_as_they_were_sent(bot: Bot, host: Host, text: str) -> None:
    session = await host.start(text)
    game = await host.add_game(session["id"], text, pack_name=text)

    assert (session["notes"], game["title"], game["pack_name"]) == (text, text, text)
    assert json.loads(await bot.hear_start_of(session["id"]))["data"]["session"]["notes"] == text
    assert (await host.read(f"/api/sessions/{session['id']}"))["games"][0]["title"] == text


async def test_a_game_is_answered_as_the_contract_shows(target: Target, host: Host, night: Any) -> None:
    body = {"title": "Quiplash", "min_players": None, "max_players": 4}

    answer = await host.send(f"/api/sessions/{night['id']}/games", body)

    assert answer.status_code == 201
    assert answer.json() == {"id": 1, "pack_name": None, **body}
    assert list(answer.json()) == ["id", "title", "pack_name", "min_players", "max_players"]
    location = answer.url.join(answer.headers["location"])
    assert str(location) == f"{target.rest_url}/api/sessions/{night['id']}"


async def test_the_end_is_answered_as_the_contract_shows(host: Host, night: Any) -> None:
    for title in ("Quiplash", "Fibbage"):
        await host.add_game(night["id"], title)

    answer = await host.send(f"/api/sessions/{night['id']}/close")

    ended = answer.json()
    assert answer.status_code == 200
    assert list(ended) == ["id", "is_active", "created_at", "ended_at", "notes", "games_played"]
    assert ended == {**night, "is_active": 0, "ended_at": ended["ended_at"], "games_played": 2}
    assert type(ended["is_active"]) is int
    assert is_a_timestamp(ended["ended_at"])
    assert ended["ended_at"] >= night["created_at"]


async def test_an_ended_night_takes_nothing_more(host: Host, night: Any) -> None:
    ended = await host.close(night["id"])
    before = await host.polled(night["id"])

    for route, body in [
        ("close", None),
        ("games", {"title": "Quiplash"}),
        ("votes", {"username": "zoe", "type": "up"}),
    ]:
        answer = await host.send(f"/api/sessions/{night['id']}/{route}", body)

        document = problem(answer, 409, "session_closed")
        assert str(night["id"]) in document["detail"]
    assert await host.read(f"/api/sessions/{night['id']}") == {**ended, "games": []}
    assert await host.polled(night["id"]) == before


@pytest.mark.usefixtures("game")
async def test_every_answered_vote_is_counted_before_the_end(host: Host, night: Any) -> None:
    path = f"/api/sessions/{night['id']}"

    votes = [
        host.send(f"{path}/votes", {"username": f"voter {number}", "type": "up"}) for number in range(30)
    ]
    *answers, ended = await asyncio.gather(*votes, host.send(f"{path}/close"))

    assert ended.status_code == 200, ended.text
    assert {answer.status_code for answer in answers} <= {201, 202, 409}
    answered = [answer.json()["vote"]["username"] for answer in answers if answer.is_success]
    *events, last = await host.polled(night["id"])
    assert last["type"] == "session.ended"
    assert sorted(event["data"]["vote"]["username"] for event in events[2:]) == sorted(answered)
