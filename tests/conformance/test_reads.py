"""``GET /api/sessions``, ``/active`` and ``/{id}``: the nights as they are now, whoever has just written.

Other people may be starting and ending sessions on the target: only the test's own are looked for.
"""

import asyncio
from typing import Any

import pytest

from tests.clients import Host
from tests.conformance.nights import NOWHERE, end_of_starts, epoch, sequence
from tests.conformance.problems import problem

NIGHTS_AT_ONCE, ROUNDS = 5, 20
"""Together a hundred writes, each read at once."""


def state(session: Any, **changed: object) -> dict[str, object]:
    """Return a session that has just been started as reads show it, with what has changed since."""
    shown = {name: session[name] for name in ("id", "is_active", "created_at")}
    return {**shown, "ended_at": None, "notes": session["notes"], "games_played": 0, **changed}


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


async def test_a_night_is_shown_with_its_games_and_tallies(host: Host) -> None:
    session = await host.start("Friday 🎲")
    games = [await host.add_game(session["id"], title, min_players=3) for title in ("Quiplash", "Fibbage")]
    await host.vote(session["id"], "zoe", "up", game_id=1)
    await host.vote(session["id"], "max", "down", game_id=1)

    shown = await host.read(f"/api/sessions/{session['id']}")

    assert shown == {
        **state(session, games_played=2),
        "games": [
            {**games[0], "totals": {"upvotes": 1, "downvotes": 1, "score": 0}},
            {**games[1], "totals": {"upvotes": 0, "downvotes": 0, "score": 0}},
        ],
    }
    assert type(shown["is_active"]) is int


async def test_a_night_that_has_ended_is_shown_as_it_ended(host: Host) -> None:
    session = await host.start()
    game = await host.add_game(session["id"])
    counted = await host.vote(session["id"], "zoe")
    ended = await host.close(session["id"])

    shown = await host.read(f"/api/sessions/{session['id']}")

    assert shown == {**ended, "games": [{**game, "totals": counted["totals"]}]}


async def test_the_newest_night_that_has_not_ended_is_the_active_one(host: Host) -> None:
    first, second = await host.start("first"), await host.start("second")

    newest = await host.read("/api/sessions/active")
    await host.close(second["id"])
    before = await host.read("/api/sessions/active")

    assert newest["id"] >= second["id"]
    assert newest["id"] > second["id"] or newest == state(second)
    assert before["id"] != second["id"]
    assert before["id"] >= first["id"]
    assert before["is_active"] == 1


async def test_a_night_that_ended_before_a_newer_one_is_not_active(host: Host) -> None:
    first, second = await host.start(), await host.start()

    await host.close(first["id"])

    assert (await host.read("/api/sessions/active"))["id"] >= second["id"]


async def test_nights_are_listed_oldest_first_as_they_are_now(host: Host) -> None:
    before = await end_of_starts(host)
    started = [await host.start(f"night {number}") for number in range(3)]
    await host.add_game(started[1]["id"])
    ended = await host.close(started[0]["id"])

    page = await host.read("/api/sessions", since=before)

    ids = [session["id"] for session in page["sessions"]]
    listed = {session["id"]: session for session in page["sessions"]}
    assert list(page) == ["sessions", "cursor", "recovered"]
    assert page["recovered"] is True
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert listed[started[0]["id"]] == ended
    assert listed[started[1]["id"]] == state(started[1], games_played=1)
    assert listed[started[2]["id"]] == state(started[2])


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_pages_follow_each_other_without_a_hole(host: Host, limit: int) -> None:
    before = await end_of_starts(host)
    started = [(await host.start())["id"] for _ in range(5)]

    ids = [session["id"] for session in await all_since(host, before, limit)]

    assert ids == list(range(started[0], ids[-1] + 1))
    assert set(started) <= set(ids)


@pytest.mark.parametrize("query", [{}, {"since": ""}])
async def test_without_a_cursor_the_list_begins_with_the_first_night(
    host: Host, query: dict[str, str]
) -> None:
    await host.start()

    page = await host.read("/api/sessions", limit=1, **query)

    assert [session["id"] for session in page["sessions"]] == [1]
    assert page["recovered"] is True


async def test_a_page_holds_fifty_where_nobody_says_how_many(host: Host) -> None:
    before = await end_of_starts(host)
    await asyncio.gather(*(host.start() for _ in range(51)))

    page = await host.read("/api/sessions", since=before)

    assert len(page["sessions"]) == 50


async def test_the_newest_nights_are_listed_newest_first(host: Host) -> None:
    started = [(await host.start())["id"] for _ in range(3)]

    page = await host.read("/api/sessions", newest=100)

    ids = [session["id"] for session in page["sessions"]]
    assert ids == list(range(ids[0], ids[0] - len(ids), -1))
    assert set(started) <= set(ids)
    assert (await host.read("/api/sessions", since=page["cursor"]))["recovered"] is True


@pytest.mark.parametrize("query", [{"newest": "0"}, {"newest": "8", "limit": "5"}])
async def test_the_newest_nights_are_asked_for_by_a_number_alone(host: Host, query: dict[str, str]) -> None:
    answer = await host.http.get("/api/sessions", params=query)

    problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("path", ["/api/sessions", "/api/sessions/{id}/events"])
@pytest.mark.parametrize("limit", ["0", "-1", "101", "1.5", "x", "", "1" * 30])
async def test_a_limit_that_is_no_number_from_1_to_100_is_refused(host: Host, path: str, limit: str) -> None:
    session = await host.start()

    answer = await host.http.get(path.format(**session), params={"limit": limit})

    document = problem(answer, 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == ["limit"]


@pytest.mark.parametrize("path", ["/api/sessions", "/api/sessions/{id}/events"])
@pytest.mark.parametrize("name", ["limt", "sice", "Limit", "active", "x" * 500])
async def test_a_parameter_that_a_page_does_not_have_is_refused(host: Host, path: str, name: str) -> None:
    session = await host.start()

    answer = await host.http.get(path.format(**session), params={"limit": "5", name: "5"})

    document = problem(answer, 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == [name[:40]]
    assert "since and limit" in document["detail"]


@pytest.mark.parametrize("path", ["/api/sessions", "/api/sessions/{id}/events"])
@pytest.mark.parametrize("junk", ["junk", ":", ":5", "5", "5:", "a:b", "a:-1", "a:1.5", "x" * 5000])
async def test_what_is_no_cursor_is_refused(host: Host, path: str, junk: str) -> None:
    session = await host.start()

    answer = await host.http.get(path.format(**session), params={"since": junk})

    document = problem(answer, 400, "invalid_cursor")
    assert [error["field"] for error in document["errors"]] == ["since"]


async def test_a_cursor_of_another_stream_is_not_recovered_and_says_where_to_go_on(host: Host) -> None:
    session = await host.start()
    others = (await host.read(f"/api/sessions/{session['id']}/events"))["cursor"]

    pages = [await host.read("/api/sessions", since=cursor) for cursor in (NOWHERE, others)]

    for page in pages:
        assert (page["sessions"], page["recovered"]) == ([], False)
        assert sequence(page["cursor"]) >= session["id"]
        assert epoch(page["cursor"]) not in {epoch(NOWHERE), epoch(others)}


async def test_a_cursor_from_beyond_the_end_is_not_recovered_and_says_where_the_end_is(host: Host) -> None:
    end = await end_of_starts(host)
    beyond = f"{epoch(end)}:{sequence(end) + 100_000}"

    page = await host.read("/api/sessions", since=beyond)

    assert (page["sessions"], page["recovered"]) == ([], False)
    assert sequence(page["cursor"]) >= sequence(end)
    assert epoch(page["cursor"]) == epoch(end)


async def test_whoever_was_answered_reads_its_own_write_always(host: Host) -> None:
    async def a_night() -> None:
        before = await end_of_starts(host)
        session = await host.start()
        path = f"/api/sessions/{session['id']}"
        listed = await all_since(host, before, 100)
        assert session["id"] in {one["id"] for one in listed}
        assert (await host.read("/api/sessions/active"))["id"] >= session["id"]
        await host.add_game(session["id"])
        assert (await host.read(path))["games_played"] == 1
        for number in range(ROUNDS):
            counted = await host.vote(session["id"], f"voter {number}")

            page = await host.read(f"{path}/events", since="", limit=100)
            assert page["events"][-1]["data"] == counted
            assert (await host.read(path))["games"][0]["totals"] == counted["totals"]
        ended = await host.close(session["id"])
        assert (await host.read(path))["ended_at"] == ended["ended_at"]
        assert (await host.polled(session["id"]))[-1]["data"] == {"session": ended}

    await asyncio.gather(*(a_night() for _ in range(NIGHTS_AT_ONCE)))
