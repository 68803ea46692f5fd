"""Broken votes."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bootstrap import Application
from chalicelib.nights import pending_votes
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter
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


@mutant(FakeSessionStore, "voting_state")
def who_voted_late_looks_no_more(right: Any, *where: Any) -> Any:
    return replace(right(*where), is_open=True)
