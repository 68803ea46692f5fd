"""Formats events and nights as lines for people, or as JSON for programs.

Texts that people typed are shown without control characters. ``click.echo`` removes the colours if there is
no terminal.
"""

import logging
from datetime import datetime
from typing import Any

import click
from announcements import on_one_line, score
from gamenight import (
    Event,
    GameAdded,
    GameRemoved,
    Gap,
    SessionEnded,
    SessionStarted,
    Snapshot,
    UnknownEvent,
    VoteReceived,
    VoteWithdrawn,
)

from infra.cli.options import as_json

COLOURS = {
    "session.started": "green",
    "game.added": "cyan",
    "session.ended": "magenta",
    "gap": "yellow",
}


def as_line(event: Event | UnknownEvent) -> str:
    """Return an event as a line, with the local time of day."""
    moment = datetime.fromisoformat(event.timestamp).astimezone()
    night = "   " if event.session_id is None else f"#{event.session_id}"
    text = click.style(sentence(event), fg=COLOURS.get(event.type))
    return f"{click.style(f'{moment:%H:%M:%S}', dim=True)}  {click.style(night, bold=True)}  {text}"


def members(event: Event | UnknownEvent) -> dict[str, Any]:
    """Return an event as the service sent it."""
    return {"type": event.type, "timestamp": event.timestamp, "data": event.data}


def sentence(event: Event | UnknownEvent) -> str:
    """Return an event as a sentence. An event of an unknown type is its type and data."""
    match event:
        case SessionStarted(data=data):
            said = f"🎮 Game Night has started{_notes(data['session'])}"
        case GameAdded(data=data):
            said = f"🎲 New game: {on_one_line(data['game']['title'])}{players(data['game'])}"
        case GameRemoved(data=data):
            said = f"🗑️  Removed: {on_one_line(data['game']['title'])}"
        case VoteReceived(data=data):
            who, title = on_one_line(data["vote"]["username"]), on_one_line(data["game"]["title"])
            said = f"🗳️  {who} votes {data['vote']['type']}: {title} stands at {score(data['totals'])}"
        case VoteWithdrawn(data=data):
            who, title = on_one_line(data["vote"]["username"]), on_one_line(data["game"]["title"])
            said = f"🗳️  {who} takes the vote back: {title} stands at {score(data['totals'])}"
        case SessionEnded(data=data):
            said = f"🌙 The night is over: {games(data['session']['games_played'])}"
        case Snapshot(data=data):
            said = _as_it_is(data["session"])
        case Gap():
            said = "⚠️  Some events were missed here, and are no longer available"
        case UnknownEvent(data=data):
            said = f"{on_one_line(event.type)} {as_json(data)}"
    return said


def _as_it_is(session: Any) -> str:
    played = session["games"]
    latest = f", the latest is {on_one_line(played[-1]['title'])}" if played else ""
    state = "active" if session["is_active"] else "ended"
    return f"📷 As it is now: {state}, {games(len(played))}{latest}{_notes(session)}"


def games(count: int) -> str:
    """Return how many games were played."""
    return "1 game" if count == 1 else f"{count} games"


def as_row(session: Any) -> str:
    """Return a session as a line of a list."""
    moment = datetime.fromisoformat(session["created_at"]).astimezone()
    state = click.style("active", fg="green") if session["is_active"] else "ended "
    number = click.style(f"#{session['id']:<6}", bold=True)
    row = f"{number} {state}  {moment:%Y-%m-%d %H:%M}  {games(session['games_played']):>9}"
    return f"{row}  {on_one_line(session['notes'] or '')}".rstrip()


class ConnectionLog(logging.Handler):
    """Shows the client library's messages about its connection on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        worrying = record.levelno >= logging.WARNING
        moment = datetime.fromtimestamp(record.created).astimezone()
        text = on_one_line(record.getMessage())
        click.secho(
            f"{moment:%H:%M:%S}  {text}", err=True, fg="yellow" if worrying else None, dim=not worrying
        )


def _notes(session: Any) -> str:
    return f": {on_one_line(session['notes'])}" if session["notes"] else ""


def players(game: Any) -> str:
    """Return how many can play a game, in brackets. It is empty if the host has not said."""
    least, most = game["min_players"], game["max_players"]
    match least, most:
        case None, None:
            return ""
        case _, None:
            return f" (for {least} and more)"
        case None, _:
            return f" (for up to {most})"
    return f" (for {least} to {most})"
