"""``GET /api/sessions/{id}/events``: what happened in a night, page by page from any cursor."""

from typing import Any

import pytest

from tests.clients import Host
from tests.conformance.nights import epoch, stream_of

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
async def test_events_are_polled_with_their_places(host: Host, night: Any, query: dict[str, str]) -> None:
    page = await page_of(host, night, **query)

    assert list(page) == ["events", "cursor", "recovered", "more"]
    assert (page["recovered"], page["more"]) == (True, False)
    assert [event["type"] for event in page["events"]] == TYPES
    for number, event in enumerate(page["events"], 1):
        assert list(event) == ["type", "timestamp", "data", "stream", "sequence", "cursor"]
        assert (event["stream"], event["sequence"]) == (stream_of(night["id"]), number)
        assert event["cursor"] == f"{epoch(page['cursor'])}:{number}"
