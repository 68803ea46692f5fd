"""Broken votes; see ``of_delivery``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest import MonkeyPatch  # noqa: PT013 - a name of a type, as all others here

from chalicelib.bootstrap import Application
from chalicelib.nights import pending_votes
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.pending_votes import VoteCounter
from tests.fakes.stores import FakeSessionStore


def pending_votes_are_not_counted_by_the_stream(patch: MonkeyPatch) -> None:
    async def count_votes(_self: Application, _sessions: Mapping[int, Any]) -> list[str]:
        return []

    patch.setattr(Application, "count_votes", count_votes)


def votes_that_could_not_be_counted_are_forgotten(patch: MonkeyPatch) -> None:
    right = pending_votes.count_sessions

    def count_sessions(counter: Any, backoff: Any, sessions: Any) -> list[str]:
        right(counter, backoff, sessions)
        return []

    patch.setattr(pending_votes, "count_sessions", count_sessions)


def a_vote_is_stored_without_its_key(patch: MonkeyPatch) -> None:
    right = FakeSessionStore.add

    def add(self: FakeSessionStore, session_id: int, pending: Any, _records: Any = ()) -> None:
        right(self, session_id, pending)

    patch.setattr(FakeSessionStore, "add", add)


def a_counted_vote_stays_pending(patch: MonkeyPatch) -> None:
    right = FakeSessionStore.commit

    def commit(self: FakeSessionStore, change: Any) -> None:
        right(self, replace(change, pending=()))

    patch.setattr(FakeSessionStore, "commit", commit)


def a_close_counts_no_votes(patch: MonkeyPatch) -> None:
    right = Hosting.close

    def close(self: Hosting, *arguments: Any) -> Any:
        with patch.context() as within:
            within.setattr(VoteCounter, "count_pending", lambda *_: None)
            return right(self, *arguments)

    patch.setattr(Hosting, "close", close)


def who_voted_late_looks_no_more(patch: MonkeyPatch) -> None:
    right = FakeSessionStore.voting_state

    def voting_state(self: FakeSessionStore, session_id: int, game_id: int) -> Any:
        return replace(right(self, session_id, game_id), is_open=True)

    patch.setattr(FakeSessionStore, "voting_state", voting_state)
