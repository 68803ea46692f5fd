"""Writes the lines that announce an event in a chat."""

import logging
import re
from collections.abc import Iterator

try:
    from gamenight import (
        Event,
        GameAdded,
        GameNight,
        GameRemoved,
        Refused,
        SessionEnded,
        SessionStarted,
        SessionWithGames,
        TalliedGame,
        Totals,
    )
except ModuleNotFoundError as missing:
    raise SystemExit(f"There is no package {missing.name!r} here: pip install ./clients/python") from None

logger = logging.getLogger("announcements")

BLANKED = re.compile(r"[ \x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
"""Spaces, control characters, line ends, Unicode's Bidi_Control, and surrogates. Other invisible characters
stay: they may join an emoji or the letters of a word."""


async def announcement(event: Event, night: GameNight) -> list[str]:
    """Return the lines that announce an event; none for an event that is not announced.

    The results of an ended night are read from the service; if that fails, the lines leave them out.
    """
    match event:
        case SessionStarted():
            return list(_started(event))
        case GameAdded():
            return [f"🎲 New game: {on_one_line(event.data['game']['title'])}"]
        case GameRemoved():
            return [f"🗑️ Removed: {on_one_line(event.data['game']['title'])}"]
        case SessionEnded():
            return [*_ended(event), *await _results_of(event.session_id, night)]
        case _:
            return []


def _started(event: SessionStarted) -> Iterator[str]:
    session = event.data["session"]
    yield f"🎮 Game Night has started! Session #{session['id']}"
    if session["notes"]:
        yield f"📝 {on_one_line(session['notes'])}"


def _ended(event: SessionEnded) -> Iterator[str]:
    yield f"🌙 Session {event.session_id} ended!"
    yield f"📊 Games played: {event.data['session']['games_played']}"


async def _results_of(session_id: int, night: GameNight) -> list[str]:
    try:
        session = await night.night(session_id)
    except (Refused, OSError) as problem:
        logger.warning("the results of session %d can't be read: %s", session_id, problem)
        return []
    return results(session)


def results(session: SessionWithGames) -> list[str]:
    """Return a line for each game of a night, the best first."""
    best_first = sorted(session["games"], key=lambda game: (-game["totals"]["score"], game["id"]))
    return [_result(place, game) for place, game in enumerate(best_first, 1)]


def _result(place: int, game: TalliedGame) -> str:
    totals = game["totals"]
    votes = f"{totals['upvotes']} up, {totals['downvotes']} down"
    return f"{place}. {on_one_line(game['title'])}: {score(totals)} ({votes})"


def score(totals: Totals) -> str:
    """Return a game's score with its sign; 0 has none."""
    points = totals["score"]
    return f"{points:+d}" if points else "0"


def on_one_line(text: str) -> str:
    """Return a text without line ends, control characters and changes of direction."""
    return BLANKED.sub(" ", text).strip(" ")
