"""Nights as the stores are given them."""

from chalicelib.idempotency import Record
from chalicelib.nights.games import NewGame, add_game
from chalicelib.nights.ports import Commit, SessionStore
from chalicelib.nights.sessions import Session, StreamHead, start_session

NOW = "2025-11-01T20:00:00.123Z"


def start(store: SessionStore, head: StreamHead | None = None, record: Record | None = None) -> Session:
    """Start the next session, or the one after a head that was read before."""
    head = head or store.head()
    session, *events = start_session(head, epoch="e1", notes="Friday «é🎲»", now=NOW)
    store.start(head, session, events, [record] if record else [])
    return session


def added(store: SessionStore, before: Session, title: str) -> Session:
    after, game, event = add_game(before, NewGame(title, "Pack", 2, 8), now=NOW)
    store.commit(Commit(before, after, [event], game=game))
    return after


def night(store: SessionStore, *titles: str) -> Session:
    """Start a session with games."""
    session = start(store)
    for title in titles:
        session = added(store, session, title)
    return session
