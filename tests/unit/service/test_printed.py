import json

import pytest

from infra.service.library import Event
from infra.service.printed import as_json, as_line, members, sentence

MOMENT = "2025-11-01T20:00:00.123Z"


def started(notes: str | None) -> Event:
    session = {"id": 17, "is_active": 1, "created_at": MOMENT, "notes": notes}
    return Event("session.started", MOMENT, {"session": session})


def added(least: int | None, most: int | None) -> Event:
    game = {"id": 1, "title": "Quiplash", "pack_name": None, "min_players": least, "max_players": most}
    return Event("game.added", MOMENT, {"session": {"id": 17}, "game": game})


def test_what_people_typed_is_no_command_to_the_terminal() -> None:
    said = sentence(started("Friday\x1b[2J\n\x07night"))

    assert said == "🎮 Game Night has started: Friday [2J night"


def test_a_night_without_notes_is_told_without() -> None:
    assert sentence(started(None)) == "🎮 Game Night has started"


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (None, None, ""),
        (3, None, " (for 3 and more)"),
        (None, 8, " (for up to 8)"),
        (3, 8, " (for 3 to 8)"),
    ],
)
def test_a_game_is_told_with_how_many_can_play(least: int | None, most: int | None, said: str) -> None:
    assert sentence(added(least, most)) == f"🎲 New game: Quiplash{said}"


def test_an_event_of_a_later_version_is_shown_as_it_is() -> None:
    event = Event("game.removed", MOMENT, {"session": {"id": 17}})

    assert sentence(event) == 'game.removed {"session":{"id":17}}'
    assert "#17" in as_line(event)


def test_a_gap_among_the_starts_of_nights_belongs_to_none() -> None:
    line = as_line(Event("gap", MOMENT, {"session": None}))

    assert "#" not in line
    assert "missed" in line


def test_an_event_in_json_is_what_was_sent_on_one_line() -> None:
    text = as_json(members(started("🎲 two\nlines")))

    assert "\n" not in text
    assert json.loads(text) == {
        "type": "session.started",
        "timestamp": MOMENT,
        "data": started("🎲 two\nlines").data,
    }
