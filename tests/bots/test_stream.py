"""One stream, whatever order its events come in."""

from gamenight import Event, _Cursor, _Stream
from hypothesis import given
from hypothesis import strategies as st

ALL = range(1, 9)


def event(number: int) -> Event:
    return Event("game.added", "", {"session": {"id": 7}, "game": {"id": number}})


@given(st.permutations(ALL), st.lists(st.sampled_from(ALL)))
def test_every_event_comes_once_and_in_order(arrivals: list[int], again: list[int]) -> None:
    stream = _Stream()
    came: list[_Cursor] = []

    for number in [*arrivals, *again]:
        came += [at for at, _ in stream.take(_Cursor("a", number), event(number))]

    assert came == [_Cursor("a", number) for number in ALL]
    assert not stream.behind


@given(st.permutations(ALL), st.integers(0, len(ALL)), st.integers(1, len(ALL)))
def test_nothing_is_lost_when_the_answer_comes_between_the_events(
    arrivals: list[int], answer_after: int, end: int
) -> None:
    stream = _Stream(epoch="a", position=0, asked=True)
    came: list[int] = []

    for nth, number in enumerate([*arrivals, *arrivals]):
        if nth == answer_after:
            came += [at.sequence for at, _ in stream.answered(_Cursor("a", end), recovered=True)]
        came += [at.sequence for at, _ in stream.take(_Cursor("a", number), event(number))]

    assert came == [*ALL]


@given(st.sets(st.sampled_from(ALL)), st.integers(1, len(ALL)))
def test_what_came_live_before_a_stream_turned_out_to_be_new_is_not_lost(early: set[int], end: int) -> None:
    stream = _Stream(known=False, asked=True)
    held = [at for number in early for at, _ in stream.take(_Cursor("a", number), event(number))]

    came = [at.sequence for at, _ in stream.answered(_Cursor("a", end), recovered=False)]
    stream.known = True
    came += [at.sequence for at, _ in stream.in_order()]
    for number in range(end + 1, len(ALL) + 1):
        came += [at.sequence for at, _ in stream.take(_Cursor("a", number), event(number))]

    assert held == []
    assert came == sorted({number for number in early if number <= end} | set(range(end + 1, len(ALL) + 1)))


def test_a_hole_is_behind_and_a_replay_that_was_promised_is_too() -> None:
    hole, replay = _Stream(epoch="a", position=2), _Stream(epoch="a", position=2)

    assert list(hole.take(_Cursor("a", 4), event(4))) == []
    assert list(replay.answered(_Cursor("a", 3), recovered=True)) == []

    assert hole.behind
    assert replay.behind
    assert hole.since == replay.since == "a:2"
