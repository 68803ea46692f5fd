"""``POST /api/sessions/{id}/close``: the end of a night, which comes once."""

import asyncio
from collections import Counter

import pytest

from tests.clients import Connect, Host, Target
from tests.conformance.nights import NO_SESSION, is_a_timestamp
from tests.conformance.problems import problem


async def test_the_end_is_answered_with_the_night_as_it_has_ended(host: Host) -> None:
    session = await host.start("Friday")
    for title in ("Quiplash", "Fibbage"):
        await host.add_game(session["id"], title)

    answer = await host.send(f"/api/sessions/{session['id']}/close")

    ended = answer.json()
    assert answer.status_code == 200
    assert ended == {
        "id": session["id"],
        "is_active": 0,
        "created_at": session["created_at"],
        "ended_at": ended["ended_at"],
        "notes": "Friday",
        "games_played": 2,
    }
    assert list(ended) == ["id", "is_active", "created_at", "ended_at", "notes", "games_played"]
    assert type(ended["is_active"]) is int
    assert is_a_timestamp(ended["ended_at"])
    assert ended["ended_at"] >= session["created_at"]


async def test_a_night_without_a_game_can_end(host: Host) -> None:
    session = await host.start()

    assert (await host.close(session["id"]))["games_played"] == 0


async def test_a_second_end_is_refused_and_changes_nothing(host: Host) -> None:
    session = await host.start()
    ended = await host.close(session["id"])

    answer = await host.send(f"/api/sessions/{session['id']}/close")

    document = problem(answer, 409, "session_closed")
    assert str(session["id"]) in document["detail"]
    assert await host.read(f"/api/sessions/{session['id']}") == {**ended, "games": []}


async def test_of_ten_that_end_it_at_once_one_does(host: Host) -> None:
    session = await host.start()

    answers = await asyncio.gather(*(host.send(f"/api/sessions/{session['id']}/close") for _ in range(10)))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    assert [event["type"] for event in await host.polled(session["id"])] == [
        "session.started",
        "session.ended",
    ]


async def test_every_vote_that_was_answered_is_counted_before_the_end(host: Host) -> None:
    session = await host.start()
    await host.add_game(session["id"])
    path, body = f"/api/sessions/{session['id']}", {"type": "up"}

    votes = [host.send(f"{path}/votes", {**body, "username": f"voter {number}"}) for number in range(30)]
    *answers, ended = await asyncio.gather(*votes, host.send(f"{path}/close"))

    assert ended.status_code == 200, ended.text
    assert {answer.status_code for answer in answers} <= {201, 202, 409}
    answered = [answer.json()["vote"]["username"] for answer in answers if answer.is_success]
    *events, last = await host.polled(session["id"])
    assert last["type"] == "session.ended"
    assert sorted(event["data"]["vote"]["username"] for event in events[2:]) == sorted(answered)


async def test_an_empty_body_says_nothing_as_well(host: Host) -> None:
    session = await host.start()

    answer = await host.send(f"/api/sessions/{session['id']}/close", {})

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("body", [{"notes": "over"}, [], "over", 5])
async def test_a_body_that_says_anything_is_refused(host: Host, body: object) -> None:
    session = await host.start()

    answer = await host.send(f"/api/sessions/{session['id']}/close", body)

    assert problem(answer, 400, "invalid_request")["errors"]
    assert (await host.read(f"/api/sessions/{session['id']}"))["is_active"] == 1


async def test_a_night_that_does_not_exist_cannot_end(host: Host) -> None:
    problem(await host.send(f"/api/sessions/{NO_SESSION}/close"), 404, "session_not_found")


async def test_the_end_of_one_night_is_not_the_end_of_another(host: Host) -> None:
    first, second = await host.start(), await host.start()

    await host.close(first["id"])

    assert (await host.read(f"/api/sessions/{second['id']}"))["is_active"] == 1
    assert await host.add_game(second["id"])


async def test_subscribing_to_a_night_that_has_ended_is_fine(
    target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    session = await host.start()
    await host.close(session["id"])

    answer = await bot.ask({"type": "subscribe", "sessionId": session["id"]})

    assert answer == {"type": "subscribed", "sessionId": session["id"]}
