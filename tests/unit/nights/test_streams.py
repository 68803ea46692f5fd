from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import SessionNotFound
from chalicelib.nights.cursors import BEGINNING, NOW, Cursor
from chalicelib.nights.streams import READS, Stream, Streams
from tests.fakes.crowd import add, start
from tests.fakes.stores import FakeSessionStore


class Log:
    """A log of numbers, ``first`` to ``last``; ``pages`` entries are read at a time at most."""

    def __init__(self, last: int, first: int = 1, pages: int = 1000) -> None:
        self.numbers = list(range(first, last + 1))
        self.last = last
        self.pages = pages
        self.pauses = 0

    def read(self, after: int, limit: int) -> Sequence[int]:
        return [number for number in self.numbers if number > after][: min(limit, self.pages)]

    def stream(self) -> Stream[int]:
        return Stream("s", Cursor("e", self.last), self.read, lambda number: number, self.pause)

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses += 1


class Committing(Log):
    """A log in which entries ``hidden`` are just being committed: they are there after a pause."""

    def __init__(self, last: int, *hidden: int) -> None:
        super().__init__(last)
        self.numbers = [number for number in self.numbers if number not in hidden]

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        self.numbers = list(range(1, self.last + 1))


@pytest.mark.parametrize(
    ("since", "sequence", "recovered"),
    [
        (Cursor("e", 3), 3, True),
        (Cursor("e", 5), 5, True),
        (Cursor("e", 0), 0, True),
        (BEGINNING, 0, True),
        (NOW, 5, True),
        (Cursor("e", 6), 5, False),
        (Cursor("other", 3), 5, False),
        (Cursor("other", 0), 5, False),
    ],
)
def test_since_names_where_events_go_on(since: Cursor, sequence: int, *, recovered: bool) -> None:
    place = Log(5).stream().place(since)

    assert place.cursor == Cursor("e", sequence)
    assert (place.stream, place.last, place.recovered) == ("s", 5, recovered)


def test_an_event_that_is_just_being_committed_is_waited_for() -> None:
    log = Committing(5, 3)

    following = log.stream().following(2)

    assert following == [3, 4, 5]
    assert log.pauses == 1


def test_what_follows_ends_before_a_hole() -> None:
    assert Committing(5, 4).stream().following(2) == [3]


def test_an_event_that_never_comes_is_not_waited_for_long() -> None:
    log = Log(5)
    log.numbers.remove(3)

    assert log.stream().following(2) == ()
    assert log.pauses == READS - 1


def test_what_comes_after_the_end_was_read_is_left_out() -> None:
    log = Log(5)
    stream = log.stream()
    log.numbers.append(6)

    assert stream.following(3) == [4, 5]
    assert stream.following(5) == ()
    assert log.pauses == 0


def test_a_page_from_now_on_is_empty_and_recovered() -> None:
    page = Log(9).stream().page(NOW, 10)

    assert (page.recovered, page.more, str(page.cursor), page.entries) == (True, False, "e:9", ())


@given(
    last=st.integers(1, 60),
    gone=st.integers(0, 60),
    since=st.integers(0, 70),
    limit=st.integers(1, 9),
    pages=st.integers(1, 9),
)
def test_recovered_never_lies(last: int, gone: int, since: int, limit: int, pages: int) -> None:
    log = Log(last, pages=pages)
    log.numbers = log.numbers[gone:]
    stream = log.stream()

    place = stream.place(Cursor("e", since))
    polled: list[int] = []
    page = stream.page(Cursor("e", since), limit)
    polled.extend(page.entries)
    while page.more:
        page = stream.page(page.cursor, limit)
        polled.extend(page.entries)

    missed = list(range(since + 1, last + 1))
    lost = since > last or bool(set(missed) - set(log.numbers))
    assert place.recovered is page.recovered is not lost
    assert polled == ([] if lost else missed)
    assert page.cursor == Cursor("e", last)


def test_a_stream_is_found_by_its_name() -> None:
    store = FakeSessionStore()
    start(store)
    start(store)
    add(store, 2)
    streams = Streams(store, store)

    names = {name: streams.named(name).end for name in ("sessions", "session:2")}

    assert names == {"sessions": Cursor("fake", 2), "session:2": Cursor("e2", 2)}
    with pytest.raises(SessionNotFound):
        streams.named("session:3")


def test_events_from_before_a_restore_have_the_present_epoch() -> None:
    store = FakeSessionStore()
    start(store)
    store.log = [event.in_epoch("old") for event in store.log]

    [event] = Streams(store, store).of_session(1).following(0)

    assert event.cursor == Cursor("e1", 1)
