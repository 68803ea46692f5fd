"""What machinery, operators and time do; see ``hosts`` for how actions are made."""

from collections import Counter
from collections.abc import Callable
from math import inf

from chalicelib.limits import EVENT_RETENTION_SECONDS
from chalicelib.nights.events import session_stream
from tests.model.actions.clients import come_back, poll
from tests.model.clients import Since
from tests.model.night import Night


def delivered(night: Night, action: Callable[[Night], None]) -> None:
    """Let something happen, and everyone hear of it at once."""
    action(night)
    night.drain()


def season_passes(night: Night) -> None:
    """Let all that was logged expire. No connection, key or record lasts that long."""
    _everyone_leaves(night)
    night.departed.clear()
    night.keyed.clear()
    night.codes.clear()
    night.pass_time(EVENT_RETENTION_SECONDS + 60)


def table_is_restored(night: Night) -> None:
    """Do what an operator does: all are disconnected, and the streams have new epochs."""
    _everyone_leaves(night)
    night.renew_epochs()


def _everyone_leaves(night: Night) -> None:
    night.drain()
    night.stream.expire()
    for client in night.clients:
        night.hang_up(client)


def settle(night: Night) -> None:
    """Deliver all, and check what everyone has heard; then have everyone come back, and once more."""
    night.drain()
    night.check_heard()
    for client in night.clients:
        come_back(night, client)
        for stream in [*client.places]:
            if stream in night.ledger.streams:
                poll(night, client, stream, Since.BEGINNING, 3)
    night.drain()
    night.check_heard()
    for client in night.clients:
        for lack in client.behind():
            night.complain(lack)
    night.check_once()
    _check_votes(night)
    for session_id in range(1, night.ledger.sessions + 1):
        session = night.stores.sessions.session(session_id)
        if session.sequence != night.ledger.end(session_stream(session_id)):
            night.complain(f"the head of {session_id} is at {session.sequence}")
    if night.stores.sessions.head().sequence != night.ledger.sessions:
        night.complain("the head of sessions is not at their end")


def _check_votes(night: Night) -> None:
    """Complain of votes that overtook earlier ones or are for removed games, and of wrong tallies."""
    newest: dict[tuple[int, str], int] = {}
    ways: dict[tuple[int, int, str], str] = {}
    removed: set[tuple[int, int]] = set()
    for entry in night.ledger.entries:
        data = entry.data
        if entry.type == "game.removed":
            removed.add((entry.session_id, data["game"]["id"]))
        if "vote" not in data:
            continue
        game, voter = (entry.session_id, data["game"]["id"]), data["vote"]["username"].lower()
        if game in removed:
            night.complain(f"{entry} is about a game that was removed")
        if entry.type == "vote.withdrawn":
            del ways[*game, voter]
            continue
        before = newest.get((entry.session_id, voter), 0)
        if night.answered_at.get(entry.marker, inf) < before:
            night.complain(f"{entry.marker} was overtaken")
        newest[entry.session_id, voter] = max(before, night.asked_at[entry.marker])
        ways[*game, voter] = data["vote"]["type"]
    for session_id in range(1, night.ledger.sessions + 1):
        for game in night.stores.sessions.games(session_id):
            votes = Counter(way for key, way in ways.items() if key[:2] == (session_id, game.id))
            if (game.upvotes, game.downvotes) != (votes["up"], votes["down"]):
                night.complain(f"{game} is not what was voted: {votes}")
