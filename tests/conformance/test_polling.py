"""``GET /api/sessions/{id}/events``: what happened in a night, page by page from any cursor."""

from typing import Any

import pytest

from tests.clients import Host
from tests.conformance.nights import NOWHERE, end_of, epoch, sequence, stream_of

TYPES = ["session.started", "game.added", *["vote.received"] * 4, "session.ended"]


@pytest.fixture
async def night(host: Host) -> Any:
    session = await host.start()
    await host.add_game(session["id"])
    for username in ("zoe", "max", "kim", "zoe"):
        await host.vote(session["id"], username)
    return await host.close(session["id"])


async def page_of(host: Host, night: Any, **query: str | int) -> Any:
    return await host.read(f"/api/sessions/{night['id']}/events", **query)


@pytest.mark.parametrize("query", [{}, {"since": ""}])
async def test_without_a_cursor_the_events_begin_with_the_start(
    host: Host, night: Any, query: dict[str, str]
) -> None:
    page = await page_of(host, night, **query)

    assert [event["type"] for event in page["events"]] == TYPES
    assert (page["recovered"], page["more"]) == (True, False)


async def test_what_is_polled_always_has_its_place(host: Host, night: Any) -> None:
    page = await page_of(host, night)

    for number, event in enumerate(page["events"], 1):
        assert list(event) == ["type", "timestamp", "data", "stream", "sequence", "cursor"]
        assert (event["stream"], event["sequence"]) == (stream_of(night["id"]), number)
        assert event["cursor"] == f"{epoch(page['cursor'])}:{number}"


async def test_from_now_on_a_page_is_empty_and_its_cursor_the_end(host: Host, night: Any) -> None:
    end = await end_of(host, night["id"])

    page = await page_of(host, night, since="now")

    assert page == {"events": [], "cursor": end, "recovered": True, "more": False}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_follow_each_other_without_a_hole(host: Host, night: Any, limit: int) -> None:
    whole = (await page_of(host, night))["events"]
    events: list[Any] = []
    cursor, more = "", True

    while more:
        page = await page_of(host, night, since=cursor, limit=limit)
        assert page["recovered"] is True
        assert len(page["events"]) == min(limit, len(whole) - len(events))
        events += page["events"]
        cursor, more = page["cursor"], page["more"]
        assert sequence(cursor) == len(events)

    assert events == whole


async def test_at_the_end_a_page_is_empty_and_its_cursor_stays(host: Host, night: Any) -> None:
    end = (await page_of(host, night))["cursor"]

    page = await page_of(host, night, since=end)

    assert page == {"events": [], "cursor": end, "recovered": True, "more": False}


async def test_who_comes_back_with_a_cursor_is_told_what_has_happened_since(host: Host) -> None:
    session = await host.start()
    cursor = (await page_of(host, session))["cursor"]
    await host.add_game(session["id"])
    await host.close(session["id"])

    page = await page_of(host, session, since=cursor)

    assert [event["type"] for event in page["events"]] == ["game.added", "session.ended"]
    assert sequence(page["cursor"]) == sequence(cursor) + 2


async def test_a_cursor_of_another_stream_is_not_recovered_and_says_where_the_end_is(
    host: Host, night: Any
) -> None:
    other = await end_of(host, (await host.start())["id"])
    end = (await page_of(host, night))["cursor"]

    pages = [await page_of(host, night, since=cursor) for cursor in (NOWHERE, other)]

    assert pages == [{"events": [], "cursor": end, "recovered": False, "more": False}] * 2


async def test_a_cursor_from_beyond_the_end_is_not_recovered_and_says_where_the_end_is(
    host: Host, night: Any
) -> None:
    end = (await page_of(host, night))["cursor"]

    page = await page_of(host, night, since=f"{epoch(end)}:{sequence(end) + 1}")

    assert page == {"events": [], "cursor": end, "recovered": False, "more": False}


async def test_a_request_that_was_refused_is_no_event(host: Host, night: Any) -> None:
    before = await end_of(host, night["id"])

    refused = [
        await host.send(f"/api/sessions/{night['id']}/games", {"title": "Quiplash"}),
        await host.send(f"/api/sessions/{night['id']}/votes", {"username": "zoe", "type": "up"}),
        await host.send(f"/api/sessions/{night['id']}/close"),
    ]

    assert [answer.status_code for answer in refused] == [409] * 3
    assert await end_of(host, night["id"]) == before
