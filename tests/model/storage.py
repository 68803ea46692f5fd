"""Both tables, with a step before each thing that happens in them: in memory, or on a DynamoDB.

In memory a step is a call of a port. On DynamoDB it is a request, so that a function can be killed in the
middle of what a port does. Every item of the log that is committed is handed to ``committed`` in that very
moment, whatever becomes of the function that did it.
"""

import itertools
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Protocol

import botocore.client
import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.connections.lags import DynamoLagStore
from chalicelib.aws.dynamodb.connections.progress import DynamoProgressStore
from chalicelib.aws.dynamodb.nights.sessions import DynamoSessionStore
from chalicelib.aws.dynamodb.tables import Table
from chalicelib.aws.json_api import DynamoApi
from chalicelib.aws.signature import Keys
from chalicelib.connections.ports import ConnectionStore
from chalicelib.delivery.ports import Audiences, LagStore
from chalicelib.errors import Unavailable
from chalicelib.nights.events import Event
from chalicelib.nights.sessions import StreamHead
from tests.fakes.delivery import FakeProgress
from tests.fakes.stores import FakeAudiences, FakeConnectionStore, FakeSessionStore
from tests.model.interruptions import Invocation, StepFailed

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


@dataclass(frozen=True, slots=True)
class LoopStores:
    """What belongs to one event loop until ``close``; ``progress`` is two ports."""

    audiences: Audiences
    progress: Any
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stores:
    """``sessions`` has ``log``, ``answers`` and ``box``, as the real store has."""

    sessions: Any
    connections: ConnectionStore
    lags: LagStore
    in_loop: Callable[[], LoopStores]


class Storage(Protocol):
    """Something to keep tables in."""

    def tables(self, watch: Watch) -> Stores:
        """Return fresh, empty tables."""
        ...


class InMemory:
    """The fakes, which the storage contract suite holds to the promises of the real stores."""

    def __init__(self) -> None:
        self._lives = itertools.count(1)

    def tables(self, watch: Watch) -> Stores:
        sessions = FakeSessionStore(watch.now)
        sessions._head = StreamHead(f"life{next(self._lives)}", 0)
        connections, progress = FakeConnectionStore(SHARDS, PAGE), FakeProgress(watch.now)
        rows: Any = _Stepwise(connections, watch)
        audiences: Any = _Stepwise(FakeAudiences(connections, progress.queue_mark), watch)
        in_loop = LoopStores(audiences, _Stepwise(progress, watch), _nothing_to_close)
        return Stores(_Stepwise(_Logged(sessions, watch.committed), watch), rows, rows, lambda: in_loop)


async def _nothing_to_close() -> None:
    pass


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

    def events(self, session_id: int, after: int, limit: int) -> Sequence[Event]:
        return self._store.events(session_id, after, min(limit, PAGE))

    def starts(self, after: int, limit: int) -> Sequence[Event]:
        return self._store.starts(after, min(limit, PAGE))

    def _tell(self) -> None:
        new = self._store.log[self._told :]
        self._told += len(new)
        if new:
            self._committed(image_of(new))


class _Stepwise:
    """A store each of whose methods is a step."""

    def __init__(self, store: Any, watch: Watch) -> None:
        self._store = store
        self._watch = watch
        self.log = self.answers = self.box = self

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def stepped(*arguments: Any, **named: Any) -> Any:
            with step_of(self._watch) as blinks:
                found = method(*arguments, **named)
            return _blinked(name, arguments, found) if blinks else found

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


def _blinked(name: str, arguments: Sequence[Any], found: Any) -> Any:
    """Return what a read of the log may find while a transaction is just being made."""
    match name:
        case "events" | "starts":
            return found[1:]
        case "outcome":
            return None, arguments[2]
        case _:
            return found


def image_of(events: Sequence[Event]) -> Image:
    """Return the events of one commit as the item of the log that they are."""
    last = events[-1]
    image = {
        "PK": {"S": f"session#{last.session_id}"},
        "SK": {"S": f"event#{last.cursor.sequence:010}"},
        "type": {"S": last.type.value},
        "envelope": {"S": "\n".join(event.envelope for event in events)},
        "epoch": {"S": last.cursor.epoch},
    }
    if last.sessions_cursor:
        image["sessions_epoch"] = {"S": last.sessions_cursor.epoch}
    return image


class OnDynamoDB:
    """Tables on a DynamoDB, made by ``new_table``. Use it within ``watched``."""

    def __init__(self, new_table: Callable[[], Table]) -> None:
        self._new_table = new_table
        self._watch: Watch | None = None

    def tables(self, watch: Watch) -> Stores:
        self._watch = watch
        connections = self._new_table()
        return Stores(
            DynamoSessionStore(self._new_table(), watch.now),
            DynamoConnectionStore(connections, SHARDS, watch.now),
            DynamoLagStore(connections, SHARDS, watch.now),
            lambda: _in_loop(connections, watch),
        )

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Make a step of every request that a botocore client makes."""
        request: Any = vars(botocore.client.BaseClient)["_make_api_call"]

        def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
            watch = self._watch
            invocation = watch.invocation() if watch else None
            if watch is None or invocation is None:
                return request(client, operation, parameters)
            try:
                with invocation.step():
                    answer = request(client, operation, parameters)
                    if operation == "TransactWriteItems":
                        _tell(parameters, watch)
            except StepFailed:
                raise ReadTimeoutError(endpoint_url="as it was told by a test") from None
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
            yield


def _tell(parameters: Mapping[str, Any], watch: Watch) -> None:
    for action in parameters["TransactItems"]:
        item = action.get("Put", {}).get("Item", {})
        if item.get("SK", {}).get("S", "").startswith("event#"):
            watch.committed(item)


def _in_loop(table: Table, watch: Watch) -> LoopStores:
    class Api(DynamoApi):
        async def call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
            with step_of(watch):
                return await super().call(operation, arguments)

    keys, database = Keys("local", "local"), table.database
    api = Api(database.endpoint, database.region, lambda: keys, ssl.create_default_context)
    return LoopStores(
        DynamoAudiences(api, table.name, watch.now),
        DynamoProgressStore(api, table.name, watch.now),
        api.close,
    )
