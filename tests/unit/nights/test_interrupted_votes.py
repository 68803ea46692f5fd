"""Every answered vote is one event, wherever a function is killed; each mutant breaks that and is found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.errors import Unavailable
from chalicelib.idempotency import VersionConflict
from chalicelib.nights.hosting import Hosting
from chalicelib.nights.ports import Commit
from chalicelib.nights.sessions import end_session
from chalicelib.nights.voting import Voting, pending_id
from chalicelib.timestamps import timestamp
from tests.model.world.interruptions import Fault, Interruption
from tests.unit.nights.interrupted import Action, InterruptedNight

KINDS = ["vote"] * 6 + ["again"] * 2 + ["count"] * 3 + ["close", "game", "crowd"]
FAULTS = [Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.ANSWER_LOST]


def actions(within: st.SearchStrategy[tuple[Interruption, ...]]) -> st.SearchStrategy[Action]:
    return st.builds(Action, st.sampled_from(KINDS), st.integers(0, 5), st.booleans(), within)


def interruptions(meanwhile: st.SearchStrategy[Action]) -> st.SearchStrategy[tuple[Interruption, ...]]:
    steps = st.integers(0, 9)
    one = st.builds(Interruption, steps, meanwhile=meanwhile) | st.builds(
        Interruption, steps, st.sampled_from(FAULTS)
    )
    return st.lists(one, max_size=3).map(tuple)


NIGHTS = st.lists(
    actions(interruptions(actions(interruptions(actions(st.just(())))))), min_size=1, max_size=6
)
"""What is done within what is done meanwhile, three deep."""


def play(night: InterruptedNight, played: list[Action], *, close: bool) -> None:
    for action in played:
        night.act(action)
    complaints = night.finish(close=close)
    assert not complaints, "\n".join(complaints)


RANDOM = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(RANDOM, max_examples=200)
@given(played=NIGHTS, close=st.booleans())
def test_every_answered_vote_is_one_event_whatever_is_killed(played: list[Action], *, close: bool) -> None:
    play(InterruptedNight(), played, close=close)


Alteration = Callable[[InterruptedNight], None]


def voting(kind: type[Voting]) -> Alteration:
    def alter(night: InterruptedNight) -> None:
        whole = night.voting
        night.voting = kind(whole.counter, whole.commits, whole.clock, whole.new_id)

    return alter


def store(name: str, broken: Callable[..., Any]) -> Alteration:
    """Replace a method of the store by one that is given the store and the whole method as well."""

    def alter(night: InterruptedNight) -> None:
        whole = getattr(type(night.store), name)
        kind = type("Broken", (type(night.store),), {name: lambda self, *given: broken(self, whole, *given)})
        night.store.__class__ = kind

    return alter


class NeverLooksAgain(Voting):
    """Takes a stored vote for one that will be counted."""

    def _accepted(self, session_id: int, answer: Any, unique: str) -> Any:  # noqa: ARG002
        return {**answer, "game": {**answer["game"], "title": "Game 1"}}


class TakesItsVoteBack(Voting):
    """Deletes its vote where the session is closing, although the same key may have been answered."""

    def _accepted(self, session_id: int, answer: Any, unique: str) -> Any:
        if not self.counter.sessions.voting_state(session_id, answer["game"]["id"]).is_open:
            waiting: Any = self.counter.pending
            waiting._pending[session_id].pop(pending_id(answer["vote"]["timestamp"], unique), None)
        return super()._accepted(session_id, answer, unique)


class VotesAloneAmongOthers(Voting):
    """Does not look whether others wait."""

    def _count_or_store(self, session_id: int, asked: Any, now: Any, unique: str, request: Any) -> Any:
        session = self.counter.sessions.session(session_id)
        assert session is not None
        try:
            return self.counter.count_one(session, asked.vote_in(session, timestamp(now)), request)
        except VersionConflict:
            return super()._count_or_store(session_id, asked, now, unique, request)


class StoresWhatMayBeCounted(Voting):
    """Takes a lost answer for a lost race."""

    def _count_or_store(self, *given: Any) -> Any:
        try:
            return super()._count_or_store(*given)
        except Unavailable:
            return super()._count_or_store(*given)  # that it may be counted is the defect


def close_without(what: str) -> Alteration:
    class Host(Hosting):
        def close(self, _caller: Any, session_id: int, _request: Any = None) -> Any:
            def attempt() -> Any:
                session = self._session(session_id)
                if what != "closing first" and session.is_open:
                    self._store.commit(Commit(session, replace(session, closing=True), ()))
                if what != "counting":
                    self._counter.count_pending(session_id)
                session = self._session(session_id)
                ended, event = end_session(session, now=self._now())
                self._store.commit(Commit(session, ended, [event]))
                return ended.as_state()

            return self._idempotent.once(None, attempt)

    def alter(night: InterruptedNight) -> None:
        whole = night.host
        night.host = Host(whole._counter, whole._idempotent, whole._clock, whole._new_epoch)

    return alter


def counts_what_is_gone(self: Any, commit: Any, change: Commit) -> None:
    there = [one for one in change.pending if self.is_waiting(1, one.id)]
    commit(self, replace(change, pending=there))


def ignores_closing(self: Any, commit: Any, change: Commit) -> None:
    now = self._sessions[1].closing
    commit(self, replace(change, before=replace(change.before, closing=now)))


def keeps_pending(self: Any, commit: Any, change: Commit) -> None:
    commit(self, replace(change, pending=()))


def stores_without_record(self: Any, add: Any, session_id: int, pending: Any, _records: Any = ()) -> None:
    add(self, session_id, pending)


def latest_first(_self: Any, waiting: Any, session_id: int, limit: int) -> Any:
    return waiting(_self, session_id, limit)[::-1]


def counts_after_the_end(self: Any, session: Any, session_id: int) -> Any:
    found = session(self, session_id)
    return found and replace(found, is_active=True)


def vote(*interruptions: Interruption, keyed: bool = False) -> Action:
    return Action("vote", 0, keyed, interruptions)


def meanwhile(at: int, action: Action) -> Interruption:
    return Interruption(at, meanwhile=action)


CROWD, COUNT, CLOSE, AGAIN, GAME = map(Action, ("crowd", "count", "close", "again", "game"))
HALF_CLOSE = Action("close", interruptions=(Interruption(1, Fault.KILLED_AFTER),))

MUTANTS: dict[str, tuple[Alteration, list[Action]]] = {
    "never looks again": (voting(NeverLooksAgain), [CROWD, vote(meanwhile(1, CLOSE))]),
    "takes its vote back": (
        voting(TakesItsVoteBack),
        [CROWD, vote(meanwhile(3, AGAIN), meanwhile(3, HALF_CLOSE), keyed=True)],
    ),
    "votes alone among others": (voting(VotesAloneAmongOthers), [CROWD, vote(meanwhile(2, GAME)), vote()]),
    "stores what may be counted": (
        voting(StoresWhatMayBeCounted),
        [vote(Interruption(3, Fault.ANSWER_LOST))],
    ),
    "closes without counting": (close_without("counting"), [CROWD, vote(), CLOSE]),
    "closes without closing first": (
        close_without("closing first"),
        [CROWD, Action("close", interruptions=(meanwhile(3, vote()),))],
    ),
    "counts what is gone": (
        store("commit", counts_what_is_gone),
        [CROWD, vote(), Action("count", interruptions=(meanwhile(1, COUNT),))],
    ),
    "ignores closing": (
        store("commit", ignores_closing),
        [vote(meanwhile(3, HALF_CLOSE), meanwhile(3, vote(keyed=True))), AGAIN],
    ),
    "keeps what was counted": (store("commit", keeps_pending), [CROWD, vote(), COUNT]),
    "stores without a record": (store("add", stores_without_record), [CROWD, vote(keyed=True), AGAIN]),
    "counts the latest first": (store("waiting", latest_first), [CROWD, vote(), vote()]),
    "counts after the end": (store("session", counts_after_the_end), [CROWD, vote(meanwhile(1, CLOSE))]),
}
"""Each mutant, and a night that finds it."""


@pytest.mark.parametrize("broken", MUTANTS)
def test_a_night_finds_the_mutant_and_not_the_product(broken: str) -> None:
    alteration, played = MUTANTS[broken]

    play(InterruptedNight(), played, close=False)
    with pytest.raises(AssertionError):
        play(InterruptedNight(alteration), played, close=False)


@pytest.mark.rare
@pytest.mark.timeout(600)
@pytest.mark.parametrize("broken", MUTANTS)
def test_random_nights_find_each_mutant(broken: str) -> None:
    @settings(RANDOM, max_examples=20_000, database=None, phases=[Phase.generate])
    @given(played=NIGHTS, close=st.booleans())
    def nights(played: list[Action], *, close: bool) -> None:
        play(InterruptedNight(MUTANTS[broken][0]), played, close=close)

    with pytest.raises(AssertionError):
        nights()
