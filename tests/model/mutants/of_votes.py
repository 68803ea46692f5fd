"""Broken votes."""

from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.bootstrap import Application
from chalicelib.errors import Unavailable
from chalicelib.nights import pending_votes
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter
from chalicelib.nights.sessions import Session
from chalicelib.nights.voting import Voting, pending_id
from tests.fakes.stores import FakeSessionStore
from tests.model.mutants.mutant import mutant


@mutant(Application, "count_votes")
async def pending_votes_are_not_counted_by_the_stream(*_: Any) -> list[str]:
    return []


@mutant(pending_votes, "count_sessions")
def votes_that_could_not_be_counted_are_forgotten(right: Any, *batch: Any) -> list[str]:
    right(*batch)
    return []


@mutant(FakeSessionStore, "add")
def a_vote_is_stored_without_its_key(right: Any, self: Any, session_id: int, vote: Any, _: Any = ()) -> None:
    right(self, session_id, vote)


@mutant(FakeSessionStore, "commit")
def a_counted_vote_stays_pending(right: Any, self: Any, change: Any) -> None:
    right(self, replace(change, pending=()))


@mutant(Hosting, "close")
def a_close_counts_no_votes(right: Any, *asked: Any) -> Any:
    with pytest.MonkeyPatch.context() as within:
        within.setattr(VoteCounter, "count_pending", lambda *_: None)
        return right(*asked)


@mutant(Hosting, "remove_game")
def a_removal_counts_no_votes(right: Any, *asked: Any) -> Any:
    with pytest.MonkeyPatch.context() as within:
        within.setattr(VoteCounter, "count_pending", lambda *_: None)
        return right(*asked)


@mutant(Voting, "withdraw")
def a_withdrawal_overtakes_votes_that_wait(right: Any, *asked: Any) -> Any:
    with pytest.MonkeyPatch.context() as within:
        within.setattr(VoteCounter, "count_pending", lambda *_: None)
        return right(*asked)


@mutant(Session, "has_game")
def votes_for_a_removed_game_are_counted(_right: Any, self: Any, game_id: int) -> bool:
    return 1 <= game_id <= int(self.games_added)


@mutant(FakeSessionStore, "voting_state")
def who_voted_late_looks_no_more(right: Any, *where: Any) -> Any:
    return replace(right(*where), is_open=True)


@mutant(Voting, "_accepted")
def who_voted_late_takes_its_vote_back(right: Any, self: Any, session_id: int, answer: Any, one: str) -> Any:
    """The same key may have been answered."""
    if not self.counter.sessions.voting_state(session_id, answer["game"]["id"]).is_open:
        stored = self.counter.pending._store._store._pending.get(session_id, {})
        stored.pop(pending_id(answer["vote"]["timestamp"], one), None)
    return right(self, session_id, answer, one)


@mutant(FakeSessionStore, "waiting")
def a_vote_overtakes_those_that_wait(right: Any, self: Any, session_id: int, limit: int) -> Any:
    return right(self, session_id, limit) if limit > 1 else ()


@mutant(Voting, "_count_or_store")
def a_vote_that_may_be_counted_is_stored(right: Any, *asked: Any) -> Any:
    try:
        return right(*asked)
    except Unavailable:
        return right(*asked)


@mutant(FakeSessionStore, "waiting")
def the_latest_votes_are_counted_first(right: Any, *where: Any) -> Any:
    return right(*where)[::-1]


@mutant(FakeSessionStore, "session")
def an_ended_session_counts_votes(right: Any, *where: Any) -> Any:
    found = right(*where)
    return found and replace(found, is_active=True)


@mutant(Hosting, "close")
def a_close_does_not_stop_votes_first(right: Any, *asked: Any) -> Any:
    def commit(whole: Any, self: Any, change: Any) -> None:
        if change.events or not change.after.closing:
            whole(self, change)

    with pytest.MonkeyPatch.context() as within:
        mutant(FakeSessionStore, "commit")(commit)(within)
        return right(*asked)
