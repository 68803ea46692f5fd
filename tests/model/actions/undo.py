"""What hosts and voters undo; see ``hosts`` for how actions are made. ``which`` is a game of the session."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from chalicelib.nights.events import session_stream
from tests.model.actions.hosts import VOTERS, answered, session_of
from tests.model.night import Night
from tests.model.world.functions import Answer
from tests.model.world.interruptions import Interruptions

REFUSALS = {"session_closed", "game_not_found", "vote_not_found"}


def remove(night: Night, back: int, which: int, within: Interruptions = ()) -> None:
    """Remove a game; what ``night.asked_at`` has is when that was first asked."""
    session_id = session_of(night, back)
    game = _game(night, session_id, which)
    if game is None:
        return
    marker = f"no {game['title']}"
    night.asked_at.setdefault(marker, night.new_number())

    def check(answer: Answer) -> None:
        fired = night.ledger.fired.get(marker, [])
        if answer.status == 404 and not fired:
            night.complain(f"{game} was not removed, and the answer was {answer}")
        if answer.status == 200 and (
            not fired or fired[0].data["session"]["games_played"] != answer.body["games_played"]
        ):
            night.complain(f"{game} was removed: {answer}, and fired {fired}")

    _delete(night, f"/api/sessions/{session_id}/games/{game['id']}", "", check, within)


def withdraw(night: Night, back: int, which: int, within: Interruptions = ()) -> None:
    """Withdraw a voter's vote."""
    session_id = session_of(night, back)
    game = _game(night, session_id, which)
    if game is None:
        return
    number, voter = night.new_number(), VOTERS[which % len(VOTERS)]

    def is_the_voters(told: Mapping[str, Any]) -> bool:
        where = told["session"]["id"], told["game"]["id"], told["vote"]["username"].lower()
        return where == (session_id, game["id"], voter)

    def check(answer: Answer) -> None:
        if answer.status == 200:
            events = night.ledger.streams[session_stream(session_id)]
            withdrawn = [one for one in events if one.type == "vote.withdrawn" and is_the_voters(one.data)]
            fired = withdrawn[-1]
            night.asked_at[fired.marker] = number
            if fired.data["totals"] != answer.body:
                night.complain(f"a vote was withdrawn: {answer}, and fired {fired}")
        elif answer.body["code"] != "vote_not_found":
            return
        for marker, stored in night.accepted.items():
            if (
                marker not in night.ledger.fired
                and night.answered_at[marker] < number
                and is_the_voters(stored)
            ):
                night.complain(f"{marker} waits, and the answer to its withdrawal was {answer}")

    query = urlencode({"username": voter.upper()})
    _delete(night, f"/api/sessions/{session_id}/votes/{game['id']}", query, check, within)


def _delete(
    night: Night, path: str, query: str, check: Callable[[Answer], None], within: Interruptions
) -> None:
    life = night.ledger
    answer = answered(night, "DELETE", path, attempts=1, within=within, query=query)
    if answer is None or life is not night.ledger:
        return
    if answer.status >= 400 and answer.body["code"] not in REFUSALS:
        night.complain(f"DELETE {path} was answered {answer}")
    check(answer)


def _game(night: Night, session_id: int, which: int) -> Any:
    """Return a game that was added to a session and may have been removed, None where it had none."""
    events = night.ledger.streams.get(session_stream(session_id), [])
    games = [entry.data["game"] for entry in events if entry.type == "game.added"]
    return games[which % len(games)] if games else None
