"""``GET /api/sessions``, ``/active`` and ``/{id}``: the nights as they are now, whoever has just written.

Other people may be starting and ending sessions on the target: only the test's own are looked for.
"""

import asyncio
from typing import Any

import pytest

from tests.clients import Host
from tests.conformance.nights import NO_SESSION, end_of_starts, sequence
from tests.conformance.problems import problem

NIGHTS_AT_ONCE, VOTES = 5, 5


def shown(session: Any, **changed: object) -> dict[str, object]:
    """Return a session that has just been started as reads show it, with what has changed since."""
    return {**session, "ended_at": None, "games_played": 0, **changed}


async def all_since(host: Host, cursor: str, limit: int) -> list[Any]:
    """Return all sessions that started after a cursor, read page by page until a page is empty."""
    sessions: list[Any] = []
    while (page := await host.read("/api/sessions", since=cursor, limit=limit))["sessions"]:
        assert page["recovered"] is True
        assert len(page["sessions"]) <= limit
        assert sequence(page["cursor"]) == sequence(cursor) + len(page["sessions"])
        sessions += page["sessions"]
        cursor = page["cursor"]
    assert page["cursor"] == cursor
    return sessions


async def test_a_night_is_shown_with_games_and_tallies(host: Host, night: Any) -> None:
    games = [await host.add_game(night["id"], title, min_players=3) for title in ("Quiplash", "Fibbage")]
    await host.vote(night["id"], "zoe", "up", game_id=1)
    await host.vote(night["id"], "max", "down", game_id=1)
    tallies = [{"upvotes": 1, "downvotes": 1, "score": 0}, {"upvotes": 0, "downvotes": 0, "score": 0}]
    with_tallies = [{**game, "totals": totals} for game, totals in zip(games, tallies, strict=True)]

    before = await host.read(f"/api/sessions/{night['id']}")
    ended = await host.close(night["id"])
    after = await host.read(f"/api/sessions/{night['id']}")

    assert before == {**shown(night, games_played=2), "games": with_tallies}
    assert type(before["is_active"]) is int
    assert after == {**ended, "games": with_tallies}


@pytest.mark.parametrize("night_id", [NO_SESSION, "01", "x"])
async def test_a_night_that_is_not_there_is_told_so(host: Host, night_id: object) -> None:
    problem(await host.http.get(f"/api/sessions/{night_id}"), 404, "session_not_found")
    problem(await host.send(f"/api/sessions/{night_id}/close", {}), 404, "session_not_found")


async def test_the_newest_night_on_is_the_active_one(host: Host) -> None:
    first, second, third = [await host.start() for _ in range(3)]

    await host.close(second["id"])
    newest = await host.read("/api/sessions/active")
    await host.close(third["id"])
    before = await host.read("/api/sessions/active")

    assert newest["id"] > third["id"] or newest == shown(third)
    assert before["is_active"] == 1
    assert before["id"] not in {second["id"], third["id"]}
    assert before["id"] >= first["id"]


async def test_nights_are_listed_oldest_first_as_they_are(host: Host) -> None:
    before = await end_of_starts(host)
    started = [await host.start(f"night {number}") for number in range(3)]
    await host.add_game(started[1]["id"])
    ended = await host.close(started[0]["id"])

    page = await host.read("/api/sessions", since=before)

    listed = {session["id"]: session for session in page["sessions"]}
    assert list(page) == ["sessions", "cursor", "recovered"]
    assert page["recovered"] is True
    assert list(listed) == list(range(started[0]["id"], started[0]["id"] + len(listed)))
    assert listed[started[0]["id"]] == ended
    assert listed[started[1]["id"]] == shown(started[1], games_played=1)
    assert listed[started[2]["id"]] == shown(started[2])


async def test_whoever_was_answered_reads_its_own_write(host: Host) -> None:
    async def play_a_night() -> None:
        before = await end_of_starts(host)
        session = await host.start()
        path = f"/api/sessions/{session['id']}"
        listed = await all_since(host, before, 100)
        assert session["id"] in {one["id"] for one in listed}
        assert (await host.read("/api/sessions/active"))["id"] >= session["id"]
        await host.add_game(session["id"])
        assert (await host.read(path))["games_played"] == 1
        for number in range(VOTES):
            counted = await host.vote(session["id"], f"voter {number}")

            page = await host.read(f"{path}/events", since="", limit=100)
            assert page["events"][-1]["data"] == counted
            assert (await host.read(path))["games"][0]["totals"] == counted["totals"]
        ended = await host.close(session["id"])
        assert (await host.read(path))["ended_at"] == ended["ended_at"]
        assert (await host.polled(session["id"]))[-1]["data"] == {"session": ended}

    await asyncio.gather(*(play_a_night() for _ in range(NIGHTS_AT_ONCE)))
