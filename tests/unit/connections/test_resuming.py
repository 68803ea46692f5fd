"""How a client joins that resumes, and what it has opted in to."""

import pytest

from chalicelib.connections.ports import CATCH_UP_SECONDS, Resume
from chalicelib.nights.cursors import BEGINNING, NOW, Cursor
from chalicelib.nights.events import SESSIONS_STREAM
from chalicelib.nights.sessions import StreamHead
from chalicelib.nights.streams import Place, Streams
from tests.fakes.crowd import add, start
from tests.fakes.stores import FakeSessionStore
from tests.unit.connections.test_clients import SESSION, Service


def test_whoever_resumes_joins_behind_and_learns_its_place() -> None:
    service = Service()
    start(service.sessions)
    start(service.sessions)

    resumed = service.connections.authenticate("abc=", "kosmi:bot", Cursor("fake", 1)).resumed

    assert resumed is not None
    assert resumed.place == Place("sessions", Cursor("fake", 1), last=3, recovered=True)
    assert resumed.resume == Resume(2, 1000 + CATCH_UP_SECONDS)
    row = service.row(SESSIONS_STREAM)
    assert (row.behind, row.catching_up_until, row.wants_cursor) == (2, 1030, True)


@pytest.mark.parametrize(
    ("since", "behind", "recovered"),
    [(BEGINNING, 1, True), (Cursor("e1", 2), 3, True), (NOW, 4, True), (Cursor("lost", 2), 4, False)],
)
def test_who_resumes_is_behind_from_its_place(since: Cursor, behind: int, *, recovered: bool) -> None:
    service = Service()
    add(service.sessions, 1)
    add(service.sessions, 1)
    service.connections.authenticate("abc=", "kosmi:bot")

    resumed = service.connections.subscribe("abc=", 1, since)

    assert resumed is not None
    assert resumed.place == Place(SESSION, Cursor("e1", behind - 1), last=3, recovered=recovered)
    assert service.row(SESSION).behind == behind


def test_whoever_does_not_ask_is_live_without_opting_in() -> None:
    service = Service()

    who = service.connections.authenticate("abc=", "kosmi:bot")
    resumed = service.connections.subscribe("abc=", 1)

    assert (who.resumed, resumed) == (None, None)
    assert (service.row(SESSIONS_STREAM).behind, service.row(SESSION).behind) == (None, None)
    assert service.opted_in() == (False, False)


def test_the_streams_end_is_read_before_the_client_joins() -> None:
    service = Service()
    joined: list[list[str]] = []

    class Watched(FakeSessionStore):
        def head(self) -> StreamHead:
            joined.append(service.followers(SESSIONS_STREAM))
            return super().head()

    watched = Watched()
    service.connections._streams = Streams(watched, watched)

    service.connections.authenticate("abc=", "kosmi:bot", NOW)

    assert joined == [[]]
