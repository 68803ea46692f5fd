"""``GET /api/sessions/{id}/events``: what happened in a night, page by page from any cursor."""

from typing import Any

import pytest

from tests.clients import Host
from tests.conformance.nights import NOWHERE, end_of, epoch, sequence, stream_of

TYPES = ["session.started", "game.added", *["vote.received"] * 4, "session.ended"]


@pytest.fixture
async def night(host: Host, night: Any) -> Any:
    await host.add_game(night["id"])
    for username in ("zoe", "max", "kim", "zoe"):
        await host.vote(night["id"], username)
    return await host.close(night["id"])


async def page_of(host: Host, night: Any, **query: str | int) -> Any:
    return await host.read(f"/api/sessions/{night['id']}/events", **query)


@pytest.mark.parametrize("query", [{}, {"since": ""}])
async def test_events_are_polled_from_the_start_with_places(
    host: Host, night: Any, query: dict[str, str]
) -> None:
    page = await page_of(host, night, **query)

    assert list(page) == ["events", "cursor", "recovered", "more"]
    assert (page["recovered"], page["more"]) == (True, False)
    assert [event["type"] for event in page["events"]] == TYPES
    for number, event in enumerate(page["events"], 1):
        assert list(event) == ["type", "timestamp", "data", "stream", "sequence", "cursor"]
        assert (event["stream"], event["sequence"]) == (stream_of(night["id"]), number)
        assert event["cursor"] == f"{epoch(page['cursor'])}:{number}"


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_of_events_follow_without_a_hole(host: Host, night: Any, limit: int) -> None:
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


@pytest.mark.parametrize(
    ("since", "recovered"),
    [("now", True), ("the end", True), (NOWHERE, False), ("another night", False), ("beyond", False)],
)
async def test_at_the_end_and_where_lost_a_page_is_empty(
    host: Host, night: Any, since: str, *, recovered: bool
) -> None:
    end = await end_of(host, night["id"])
    cursors = {
        "the end": end,
        "another night": await end_of(host, (await host.start())["id"]),
        "beyond": f"{epoch(end)}:{sequence(end) + 1}",
    }

    page = await page_of(host, night, since=cursors.get(since, since))

    assert page == {"events": [], "cursor": end, "recovered": recovered, "more": False}
