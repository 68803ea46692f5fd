"""Both tables on the fakes, which the storage suite holds to the real stores; each call of a port is a step.

Every event and pending vote that is stored is handed to ``committed`` in that very moment, whatever becomes
of the function that did it.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

from msgspec.structs import replace

from chalicelib.aws.dynamodb.keys import event_key, pending_key, stream_key
from chalicelib.errors import Unavailable
from chalicelib.nights.events import Event
from chalicelib.nights.sessions import StreamHead
from chalicelib.nights.votes import PendingVote
from tests.fakes.delivery import FakeAudiences, FakeProgress
from tests.fakes.stores import FakeConnectionStore, FakeSessionStore
from tests.model.world.interruptions import Invocation, StepFailed

SHARDS = 1
"""Shards of an audience are read at the same time; with one, the order of the steps is always the same."""

PAGE = 2
"""Entries in a page, so that a few make many pages."""

Image = Mapping[str, Any]
"""An item as DynamoDB writes it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What the tables call: which invocation runs (None: the test itself looks), the time, the ledger."""

    invocation: Callable[[], Invocation | None]
    now: Callable[[], float]
    committed: Callable[[Image], None]


class Stores:
    """``sessions`` has ``log``, ``answers``, ``pending`` and ``invites``, as the real store has."""

    def __init__(self, watch: Watch, lives: "itertools.count[int]") -> None:
        self._lives = lives
        self._sessions = FakeSessionStore(watch.now)
        self._sessions._head = StreamHead(f"life{next(lives)}", 0)
        self._connections = FakeConnectionStore(SHARDS)
        self.revocations = self._connections  # reading one is no step: a request is verified before it begins
        self.sessions: Any = _Stepwise(_Logged(self._sessions, watch.committed), watch)
        self.connections: Any = _Stepwise(self._connections, watch)
        self.audiences: Any = _Stepwise(FakeAudiences(self._connections), watch)
        self.progress: Any = _Stepwise(FakeProgress(SHARDS, watch.now), watch)

    def renew_epochs(self) -> None:
        """Give every stream a new epoch, as an operator does to a table that was restored."""
        life = next(self._lives)
        sessions = self._sessions
        sessions._head = replace(sessions._head, epoch=f"life{life}")
        for number, session in sessions._sessions.items():
            sessions._sessions[number] = replace(session, epoch=f"epoch{life}of{number}")

    def everyone(self) -> set[str]:
        """Return the ids of all connections that are in an audience."""
        return {one for rows in self._connections.audiences.values() for one in rows}


class _Logged:
    """A fake session store that tells what it has committed, and reads its log in short pages."""

    def __init__(self, store: FakeSessionStore, committed: Callable[[Image], None]) -> None:
        self._store = store
        self._committed = committed
        self._told = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def start(self, *arguments: Any) -> None:
        self._store.start(*arguments)
        self._tell()

    def commit(self, *arguments: Any) -> None:
        self._store.commit(*arguments)
        self._tell()

    def add(self, session_id: int, pending: PendingVote, *rest: Any) -> None:
        self._store.add(session_id, pending, *rest)
        self._committed({"PK": {"S": pending_key(session_id)}, "SK": {"S": pending.id}})

    def events(self, stream: str, after: int, limit: int) -> Sequence[Event]:
        return self._store.events(stream, after, min(limit, PAGE))

    def _tell(self) -> None:
        new = self._store.log[self._told :]
        self._told += len(new)
        for _, events in itertools.groupby(new, lambda event: event.stream):
            self._committed(image_of([*events]))


class _Stepwise:
    """A store each of whose methods is a step."""

    def __init__(self, store: Any, watch: Watch) -> None:
        self._store = store
        self._watch = watch
        self.log = self.answers = self.pending = self.invites = self

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def stepped(*arguments: Any, **named: Any) -> Any:
            with step_of(self._watch) as blinks:
                found = method(*arguments, **named)
            return _blinked(name, found) if blinks else found

        async def stepped_later(*arguments: Any, **named: Any) -> Any:
            with step_of(self._watch):
                return await method(*arguments, **named)

        return stepped_later if iscoroutinefunction(method) else stepped


@contextmanager
def step_of(watch: Watch) -> Iterator[bool]:
    """Have a step around what the block does; yield whether it is to blink. Raises Unavailable."""
    invocation = watch.invocation()
    if invocation is None:
        yield False
        return
    try:
        with invocation.step() as blinks:
            yield blinks
    except StepFailed:
        raise Unavailable("The store did as it was told by a test.") from None


def _blinked(name: str, found: Any) -> Any:
    """Return what a read may find while a transaction is just being made."""
    match name:
        case "events":
            return found[1:]
        case "games_and_votes":
            return {}, found[1]
        case "voting_state":
            return replace(found, title=None)
        case _:
            return found


def image_of(events: Sequence[Event]) -> Image:
    """Return the events of one commit as the item of the log that they are."""
    last = events[-1]
    return {
        "PK": {"S": stream_key(last.stream)},
        "SK": {"S": event_key(last.sequence)},
        "type": {"S": last.type.value},
        "envelope": {"S": "\n".join(event.envelope for event in events)},
        "epoch": {"S": last.cursor.epoch},
    }
