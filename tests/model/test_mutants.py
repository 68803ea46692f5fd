"""The model finds what is broken: each of these services breaks one promise of the contract."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from chalicelib.connections.clients import Authenticated, Connections
from chalicelib.connections.messages import FailedPost
from chalicelib.delivery.broadcast import Broadcast
from chalicelib.delivery.jobs import QueueMark
from chalicelib.delivery.ports import AudiencePage, Audiences
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event, LoggedEvent
from chalicelib.nights.streams import Replay
from tests.model.machine import NightMachine
from tests.model.night import Environment
from tests.model.storage import InMemory
from tests.model.test_night import RANDOM

Alteration = Callable[[Environment], None]


def broadcast(kind: type[Broadcast]) -> Alteration:
    def alter(environment: Environment) -> None:
        whole = environment.broadcast
        vars(environment)["broadcast"] = kind(whole._router, whole._queueing, whole._push, whole._seldom)

    return alter


def connections(kind: type[Connections]) -> Alteration:
    def alter(environment: Environment) -> None:
        whole = environment.connections
        vars(environment)["connections"] = kind(whole._store, whole._streams, whole._tokens, whole._clock)

    return alter


class ForgetsWhatFailed(Broadcast):
    """Says that all is done, whatever has failed."""

    async def deliver(self, records: Sequence[LoggedEvent], *, within: float) -> list[str]:
        await super().deliver(records, within=within)
        return []


class GoesOnBehindAFailure(Broadcast):
    """Has only what failed come again, and delivers the rest before it."""

    async def deliver(self, records: Sequence[LoggedEvent], *, within: float) -> list[str]:
        again = []
        for record in reversed(records):
            again += await super().deliver([record], within=within)
        return again


class ReadsBeforeItRegisters(Connections):
    """Reads what a client has missed, and lets it hear what is new only then."""

    def subscribe(
        self, connection_id: str, session_id: int, since: Cursor | None = None
    ) -> Replay[Event] | None:
        missed = None if since is None else self._streams.of_session(session_id).replay(since)
        super().subscribe(connection_id, session_id, since)
        return missed


class ReadsStartsBeforeItRegisters(Connections):
    """Reads which nights a client has missed, and lets it hear of new ones only then."""

    def authenticate(self, connection_id: str, token: str, since: Cursor | None = None) -> Authenticated:
        missed = None if since is None else self._streams.of_starts().replay(since)
        return replace(super().authenticate(connection_id, token, since), missed=missed)


class ClaimsToHaveRecovered(Connections):
    """Promises what it can't keep."""

    def subscribe(
        self, connection_id: str, session_id: int, since: Cursor | None = None
    ) -> Replay[Event] | None:
        missed = super().subscribe(connection_id, session_id, since)
        return missed and replace(missed, recovered=True)


class NeverUnsubscribes(Connections):
    """Says that a client has left, and lets it stay."""

    def unsubscribe(self, connection_id: str, session_id: int) -> None:  # noqa: ARG002 - that is the defect
        self._authenticated(connection_id)


class _AlteredAudiences:
    def __init__(self, audiences: Audiences, alter: Callable[[AudiencePage], AudiencePage]) -> None:
        self._audiences = audiences
        self._alter = alter

    async def page(
        self, audience: str, shard: int, after: str | None = None, limit: int | None = None
    ) -> AudiencePage:
        return self._alter(await self._audiences.page(audience, shard, after, limit))

    async def queue_mark(self, audience: str) -> QueueMark | None:
        return await self._audiences.queue_mark(audience)


def audiences(alter_page: Callable[[AudiencePage], AudiencePage]) -> Alteration:
    def alter(environment: Environment) -> None:
        altered = _AlteredAudiences(environment.in_loop.audiences, alter_page)
        vars(environment)["_audiences"] = altered

    return alter


def first_pages_only(page: AudiencePage) -> AudiencePage:
    return replace(page, next_after=None)


def cursors_for_all(page: AudiencePage) -> AudiencePage:
    return replace(page, recipients=[replace(one, wants_cursor=True) for one in page.recipients])


def nobody_lags(page: AudiencePage) -> AudiencePage:
    return replace(page, recipients=[replace(one, lag=None) for one in page.recipients])


def never_queued(environment: Environment) -> None:
    """Post to a small audience past the jobs that are still on the queue."""

    class Forgetful(_AlteredAudiences):
        async def queue_mark(self, audience: str) -> QueueMark | None:
            await super().queue_mark(audience)
            return None

    router = environment.broadcast._router
    vars(router)["_audiences"] = Forgetful(router._audiences, lambda page: page)


def nobody_catches_up(environment: Environment) -> None:
    """Log whom a post did not reach, and go on."""

    async def add(_event: Event, _failed: Sequence[FailedPost]) -> None:
        pass

    vars(environment._seldom.laggards)["add"] = add


MUTANTS: dict[str, Alteration] = {
    "forgets what failed": broadcast(ForgetsWhatFailed),
    "goes on behind a failure": broadcast(GoesOnBehindAFailure),
    "reads the first page of an audience": audiences(first_pages_only),
    "shows cursors to all": audiences(cursors_for_all),
    "posts past those who lag": audiences(nobody_lags),
    "posts past the queue": never_queued,
    "never catches up": nobody_catches_up,
    "reads before it registers": connections(ReadsBeforeItRegisters),
    "reads starts before it registers": connections(ReadsStartsBeforeItRegisters),
    "claims to have recovered": connections(ClaimsToHaveRecovered),
    "never unsubscribes": connections(NeverUnsubscribes),
}


RARE = {"posts past those who lag", "posts past the queue", "reads starts before it registers"}
"""It takes hundreds of nights to find these, more than every run has time for: `make test-model` does."""


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "broken", [pytest.param(name, marks=[pytest.mark.rare] if name in RARE else []) for name in MUTANTS]
)
def test_the_model_finds(broken: str) -> None:
    class Machine(NightMachine):
        storage = InMemory
        alter = staticmethod(MUTANTS[broken])

    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Machine,
            settings=settings(RANDOM, max_examples=5000),
        )
