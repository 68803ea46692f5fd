import pytest

from infra.deploy.trace.lines import NotTraceable, Query

START = {"event": "17/1", "session_id": 17, "cursor": "e0:17"}
LATER = {"event": "17/2", "session_id": 17, "cursor": "e17:2"}


@pytest.mark.parametrize(
    ("typed", "session"), [("17/1", 0), ("017/01", 0), ("1", 17), ("e0:17", 0), ("e0:17", 17)]
)
def test_an_event_is_found_by_its_place_and_its_cursor(typed: str, session: int) -> None:
    wanted = Query.parse(typed, session)

    assert wanted.is_in(START)
    assert not wanted.is_in(LATER)
    assert not wanted.is_in({"message": "about nothing"})


def test_a_cursor_of_another_session_is_another_event() -> None:
    assert not Query.parse("e0:17", 18).is_in(START)


@pytest.mark.parametrize(
    "typed", ["", "17", "17/", "17/x", "e17:", ":1", 'e"17:1', "e17:1 || true", "\u0661/\u0662"]
)
def test_what_is_no_event_is_said_to_be_none(typed: str) -> None:
    with pytest.raises(NotTraceable, match="such as 17/3, or a cursor"):
        Query.parse(typed)


def test_a_night_is_named_once() -> None:
    with pytest.raises(NotTraceable, match="Give 1/3, or 3 with --night 2, not both"):
        Query.parse("1/3", 2)
