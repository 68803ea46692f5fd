import json
import unicodedata
from typing import Any

import click
import pytest
from announcements import score
from gamenight import (
    CountedVote,
    Game,
    GameAdded,
    GameRemoved,
    Gap,
    SessionStarted,
    Snapshot,
    StartedSession,
    UnknownEvent,
    VoteReceived,
    VoteWithdrawn,
)

from infra.cli.options import as_json
from infra.cli.service.format import as_line, as_row, members, sentence

MOMENT = "2025-11-01T20:00:00.123Z"


def started(notes: str | None) -> SessionStarted:
    session: StartedSession = {"id": 17, "is_active": 1, "created_at": MOMENT, "notes": notes}
    return SessionStarted(MOMENT, {"session": session})


def added(least: int | None, most: int | None) -> GameAdded:
    game: Game = {"id": 1, "title": "Quiplash", "pack_name": None, "min_players": least, "max_players": most}
    return GameAdded(MOMENT, {"session": {"id": 17, "is_active": 1, "games_played": 1}, "game": game})


def test_what_people_typed_is_no_command_to_the_terminal() -> None:
    said = sentence(started("Friday\x1b[2J\n\x07night"))

    assert said == "🎮 Game Night has started: Friday [2J night"


@pytest.mark.parametrize("command", ["\x1b]0;mine\x07", "\x9b2J", "\x00", "\x7f", "\u2028", "\r", "\u202e"])
def test_no_line_has_a_control_character_but_the_colours(command: str) -> None:
    session: Any = {**started(command).data["session"], "games_played": 0, "games": [{"title": command}]}
    typed = UnknownEvent(MOMENT, {"session": {"id": 17}, "what": command}, f"game.{command}")
    vote: CountedVote = {
        "session": {"id": 17},
        "game": {"id": 1, "title": command},
        "vote": {"username": command, "type": "up", "timestamp": MOMENT},
        "totals": {"upvotes": 1, "downvotes": 1, "score": 0},
    }

    lines = [
        as_row(session),
        as_line(started(command)),
        as_line(VoteReceived(MOMENT, vote)),
        as_line(Snapshot(MOMENT, {"session": session})),
        as_line(typed),
    ]

    for line in map(click.unstyle, lines):
        assert {mark for mark in line if unicodedata.category(mark) == "Cc"} == set()
    assert lines == [line.replace("\n", "") for line in lines]


@pytest.mark.parametrize("command", ["\x1b[2J", "\x9b2J", "\x00", "\x7f", "\u2028", "\u2029", "\x85"])
def test_json_on_a_terminal_is_no_command_to_it(command: str) -> None:
    text = as_json(members(started(f"🎲 é {command}")))

    assert command not in text
    assert len(text.splitlines()) == 1
    assert "🎲 é" in text
    assert json.loads(text)["data"]["session"]["notes"] == f"🎲 é {command}"


@pytest.mark.parametrize(("points", "said"), [(-1, "-1"), (0, "0"), (1, "+1")])
def test_a_score_has_a_sign_where_it_is_not_0(points: int, said: str) -> None:
    assert score({"upvotes": 0, "downvotes": 0, "score": points}) == said


def test_a_night_without_notes_is_told_without() -> None:
    assert sentence(started(None)) == "🎮 Game Night has started"


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [(None, None, ""), (3, None, " (for 3 and more)"), (None, 8, " (for up to 8)"), (3, 8, " (for 3 to 8)")],
)
def test_a_game_is_told_with_how_many_can_play(least: int | None, most: int | None, said: str) -> None:
    assert sentence(added(least, most)) == f"🎲 New game: Quiplash{said}"


def test_what_was_undone_is_told() -> None:
    data: Any = {
        "session": {"id": 17, "is_active": 1, "games_played": 0},
        "game": {"id": 1, "title": "Quiplash"},
        "vote": {"username": "zoe", "timestamp": MOMENT},
        "totals": {"upvotes": 0, "downvotes": 0, "score": 0},
    }

    assert sentence(GameRemoved(MOMENT, data)) == "🗑️  Removed: Quiplash"
    assert sentence(VoteWithdrawn(MOMENT, data)) == "🗳️  zoe takes the vote back: Quiplash stands at 0"


def test_an_event_of_a_later_version_is_shown() -> None:
    event = UnknownEvent(MOMENT, {"session": {"id": 17}}, "game.paused")

    assert sentence(event) == 'game.paused {"session":{"id":17}}'
    assert "#17" in as_line(event)


def test_a_gap_among_the_starts_of_nights_belongs_to_none() -> None:
    line = as_line(Gap(MOMENT, {"session": None}))

    assert "#" not in line
    assert "missed" in line
