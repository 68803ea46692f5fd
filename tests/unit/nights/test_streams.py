from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Unavailable
from chalicelib.nights.cursors import BEGINNING, Cursor
from chalicelib.nights.streams import Stream


class Log:
    """A log of numbers, ``first`` to ``last``; ``pages`` entries are read at a time at most."""

    def __init__(self, last: int, first: int = 1, pages: int = 1000) -> None:
        self.numbers = list(range(first, last + 1))
        self.pages = pages
        self.pauses = 0

    def read(self, after: int, limit: int) -> Sequence[int]:
        return [number for number in self.numbers if number > after][: min(limit, self.pages)]

    def stream(self, end: int | None = None) -> Stream[int]:
        return Stream(Cursor("e", end or self.numbers[-1]), self.read, lambda number: number, self.pause)

    def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses += 1


def test_what_came_after_a_cursor_is_replayed_in_order_and_nothing_else() -> None:
    replay = Log(5).stream().replay(Cursor("e", 3))

    assert (replay.recovered, str(replay.cursor)) == (True, "e:5")
    assert list(replay.entries) == [4, 5]


def test_from_the_beginning_everything_is_replayed() -> None:
    replay = Log(3).stream().replay(BEGINNING)

    assert (replay.recovered, list(replay.entries)) == (True, [1, 2, 3])


def test_whoever_missed_nothing_is_told_so() -> None:
    replay = Log(5).stream().replay(Cursor("e", 5))

    assert (replay.recovered, str(replay.cursor), list(replay.entries)) == (True, "e:5", [])


def test_a_replay_of_many_pages_has_no_hole() -> None:
    replay = Log(1234, pages=7).stream().replay(Cursor("e", 4))

    assert list(replay.entries) == list(range(5, 1235))


@pytest.mark.parametrize("since", [Cursor("other", 3), Cursor("other", 0), Cursor("e", 6)])
def test_a_cursor_of_another_epoch_or_from_beyond_the_end_is_lost(since: Cursor) -> None:
    replay = Log(5).stream().replay(since)

    assert (replay.recovered, str(replay.cursor), list(replay.entries)) == (False, "e:5", [])


@pytest.mark.parametrize("since", [BEGINNING, Cursor("e", 1), Cursor("e", 2)])
def test_a_cursor_whose_next_event_has_expired_is_lost(since: Cursor) -> None:
    replay = Log(9, first=4).stream().replay(since)

    assert (replay.recovered, str(replay.cursor), list(replay.entries)) == (False, "e:9", [])


def test_a_cursor_right_before_the_oldest_event_that_is_left_is_not_lost() -> None:
    replay = Log(9, first=4).stream().replay(Cursor("e", 3))

    assert (replay.recovered, list(replay.entries)) == (True, [4, 5, 6, 7, 8, 9])


def test_a_log_that_has_expired_whole_is_lost() -> None:
    log = Log(9)
    log.numbers = []

    replay = log.stream(end=9).replay(Cursor("e", 8))

    assert (replay.recovered, str(replay.cursor)) == (False, "e:9")


def test_an_event_that_is_just_being_committed_is_waited_for() -> None:
    class Committing(Log):
        def pause(self, seconds: float) -> None:
            super().pause(seconds)
            self.numbers = list(range(1, 6))

    log = Committing(5)
    log.numbers = [1, 2, 4, 5]

    replay = log.stream(end=5).replay(Cursor("e", 2))

    assert (replay.recovered, list(replay.entries)) == (True, [3, 4, 5])
    assert log.pauses == 1


def test_events_that_keep_coming_are_left_to_the_live_delivery() -> None:
    log = Log(5)
    stream = log.stream()
    log.numbers.append(6)

    replay = stream.replay(Cursor("e", 3))

    assert (str(replay.cursor), list(replay.entries)) == ("e:5", [4, 5])


def test_a_replay_that_cannot_be_finished_says_so_and_does_not_just_end() -> None:
    log = Log(10, pages=3)
    replay = log.stream().replay(Cursor("e", 0))
    log.numbers = [1, 2, 3, 4]

    came = [next(replay.entries) for _ in range(4)]

    assert came == [1, 2, 3, 4]
    with pytest.raises(Unavailable, match="last cursor"):
        next(replay.entries)


def test_a_page_goes_on_where_the_one_before_it_ended() -> None:
    stream = Log(5).stream()

    first = stream.page(BEGINNING, 2)
    second = stream.page(first.cursor, 2)
    third = stream.page(second.cursor, 2)

    assert [first.entries, second.entries, third.entries] == [[1, 2], [3, 4], [5]]
    assert [first.more, second.more, third.more] == [True, True, False]
    assert str(third.cursor) == "e:5"


def test_a_page_after_a_lost_cursor_is_empty_and_leads_to_the_end() -> None:
    page = Log(9, first=4).stream().page(Cursor("e", 1), 10)

    assert (page.recovered, page.more, str(page.cursor), page.entries) == (False, False, "e:9", ())


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
    stream = log.stream(end=last)

    replay = stream.replay(Cursor("e", since))
    polled: list[int] = []
    page = stream.page(Cursor("e", since), limit)
    polled.extend(page.entries)
    while page.more:
        page = stream.page(page.cursor, limit)
        polled.extend(page.entries)

    missed = list(range(since + 1, last + 1))
    lost = since > last or bool(set(missed) - set(log.numbers))
    assert replay.recovered is page.recovered is not lost
    assert list(replay.entries) == polled == ([] if lost else missed)
    assert replay.cursor == page.cursor == Cursor("e", last)
