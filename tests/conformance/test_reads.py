"""``GET /api/sessions``, ``/active`` and ``/{id}``: the nights as they are now, whoever has just written.

Other people may be starting and ending sessions on the target: only the test's own are looked for.
"""

import asyncio
from typing import Any

import pytest

from tests.clients import Host
from tests.conformance.nights import NOWHERE, end_of_starts, epoch, sequence
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


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_pages_of_nights_follow_without_a_hole(host: Host, limit: int) -> None:
    before = await end_of_starts(host)
    started = [(await host.start())["id"] for _ in range(5)]

    ids = [session["id"] for session in await all_since(host, before, limit)]

    assert ids == list(range(started[0], ids[-1] + 1))
    assert set(started) <= set(ids)


@pytest.mark.parametrize("query", [{}, {"since": ""}])
async def test_the_list_begins_with_the_first_night(host: Host, query: dict[str, str]) -> None:
    await host.start()

    page = await host.read("/api/sessions", limit=1, **query)

    assert [session["id"] for session in page["sessions"]] == [1]
    assert page["recovered"] is True


async def test_the_newest_nights_are_listed_newest_first(host: Host) -> None:
    started = [(await host.start())["id"] for _ in range(3)]

    page = await host.read("/api/sessions", newest=100)

    ids = [session["id"] for session in page["sessions"]]
    assert ids == list(range(ids[0], ids[0] - len(ids), -1))
    assert set(started) <= set(ids)
    assert (await host.read("/api/sessions", since=page["cursor"]))["recovered"] is True


@pytest.mark.parametrize("path", ["/api/sessions", "/api/sessions/{id}/events"])
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("limit", ["0", "-1", "101", "1.5", "x", "", "1" * 30]),
        ("since", ["junk", ":", ":5", "5", "5:", "a:b", "a:-1", "a:1.5", "x" * 5000]),
        *((name, ["5"]) for name in ("limt", "Limit", "active", "x" * 500)),
    ],
)
async def test_a_bad_parameter_is_refused_by_name(
    host: Host, night: Any, path: str, name: str, values: list[str]
) -> None:
    for value in values:
        answer = await host.http.get(path.format(**night), params={name: value})

        document = problem(answer, 400, "invalid_cursor" if name == "since" else "invalid_request")
        assert [error["field"] for error in document["errors"]] == [name[:40]]
        known = "since and limit" if "events" in path else "since, limit and newest"
        assert name in {"limit", "since"} or f"only {known}." in document["detail"]


async def test_a_lost_cursor_of_starts_is_not_recovered(host: Host, night: Any) -> None:
    end = await end_of_starts(host)
    others = (await host.read(f"/api/sessions/{night['id']}/events"))["cursor"]

    for since in (NOWHERE, others, f"{epoch(end)}:{sequence(end) + 100_000}"):
        page = await host.read("/api/sessions", since=since)

        assert (page["sessions"], page["recovered"]) == ([], False)
        assert sequence(page["cursor"]) >= sequence(end)
        assert epoch(page["cursor"]) == epoch(end)


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
