"""Adds and removes the games of a session, with their tallies. Pure: it reads and stores nothing."""

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from chalicelib.errors import TooManyGames
from chalicelib.limits import MAX_GAMES
from chalicelib.nights.events import Event, EventType
from chalicelib.nights.sessions import Session

if TYPE_CHECKING:
    from chalicelib import answers


class NewGame(msgspec.Struct, frozen=True):
    """A game as a host describes it; ``api.rest`` has checked it against ``limits``."""

    title: str
    pack_name: str | None = None
    min_players: int | None = None
    max_players: int | None = None


class Game(msgspec.Struct, frozen=True):
    """A game of a session, with its tallies: one vote of each voter counts."""

    id: int
    title: str
    pack_name: str | None
    min_players: int | None
    max_players: int | None
    upvotes: int = 0
    downvotes: int = 0

    def as_data(self) -> "answers.Game":
        """Return the game as ``game.added`` and ``POST .../games`` show it."""
        return {
            "id": self.id,
            "title": self.title,
            "pack_name": self.pack_name,
            "min_players": self.min_players,
            "max_players": self.max_players,
        }

    def totals(self) -> "answers.Totals":
        """Return the tallies as ``vote.received`` shows them."""
        return {"upvotes": self.upvotes, "downvotes": self.downvotes, "score": self.upvotes - self.downvotes}

    def as_state(self) -> "answers.TalliedGame":
        """Return the game as ``GET /api/sessions/{id}`` shows it."""
        return {**self.as_data(), "totals": self.totals()}


def add_game(session: Session, new: NewGame, *, now: str) -> tuple[Session, Game, Event]:
    """Return the session with one game more, the game, and the event that announces it.

    Raises SessionClosed, TooManyGames.
    """
    session.require_open()
    if session.games_added >= MAX_GAMES:
        raise TooManyGames(session.id)
    after = replace(session, sequence=session.sequence + 1, games_added=session.games_added + 1)
    game = Game(after.games_added, new.title, new.pack_name, new.min_players, new.max_players)
    data = {"session": _night_of(after), "game": game.as_data()}
    return after, game, session.next_event(EventType.GAME_ADDED, now, data)


def remove_game(session: Session, game_id: int, title: str, *, now: str) -> tuple[Session, Event]:
    """Return the session with one game fewer, and the event that says so.

    The game's votes no longer count. Raises SessionClosed, GameNotFound.
    """
    session.require_open()
    session.require_game(game_id)
    removed = (*session.removed_games, game_id)
    after = replace(session, sequence=session.sequence + 1, removed_games=removed)
    game: answers.NamedGame = {"id": game_id, "title": title}
    data = {"session": _night_of(after), "game": game}
    return after, session.next_event(EventType.GAME_REMOVED, now, data)


def _night_of(session: Session) -> "answers.SessionOfGame":
    return {"id": session.id, "is_active": 1, "games_played": session.games_played}
