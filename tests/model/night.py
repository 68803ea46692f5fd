"""A night in one process: the deployed handlers, entered by raw AWS events, and everyone around them.

Each invocation has an execution environment of its own, as on Lambda; one that was killed is not used again.
What is wrong is collected in ``complaints`` and not raised: a handler would catch it.
"""

import asyncio
import importlib
import itertools
import json
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from chalicelib.auth.claims import Claims, Role
from chalicelib.aws.delivery_queue import SqsJobQueue
from chalicelib.aws.json_api import SqsApi
from chalicelib.backoff import Backoff
from chalicelib.bootstrap import Application
from chalicelib.connections.connection import ALL_AUDIENCE, session_audience
from chalicelib.idempotency import Commits
from chalicelib.nights.queries import Streams
from chalicelib.nights.voting import POLL, Voting, VotingStores
from chalicelib.settings import Settings
from infra.local.deployment import Moment
from infra.local.rest_event import RestRequest, rest_event
from infra.local.rest_routes import Routes
from tests.fakes.identity import FAR_FUTURE, claims
from tests.model.clients import Client, Line, Since, Truth
from tests.model.delivery_queue import DeliveryQueue
from tests.model.gateway import Gateway
from tests.model.interruptions import FunctionFailed, Interruption, Invocation, Killed
from tests.model.ledger import Ledger, StreamName
from tests.model.storage import SHARDS, Storage, Stores, Watch
from tests.model.table_stream import TableStream

CLIENTS = 3

ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
}
"""As Lambda has it. Chalice makes an @connections client of its own, which nothing uses."""

Alter = Callable[["Environment"], None]
"""Puts something broken into an environment, to see whether the model finds it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a REST request was answered."""

    status: int
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class _Here(ThreadPoolExecutor):
    """Runs what it is given at once, in the caller's thread, so that the order is always the same."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments, **named))
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits for the result
            future.set_exception(error)
        return future


class Verifier:
    """Knows tokens such as ``client1:17``, each of which expires at a time of its own."""

    def verify(self, token: str) -> Claims:
        subject, _, number = token.partition(":")
        role = Role.ADMIN if subject == "host" else Role.BOT
        return claims(subject, role, FAR_FUTURE + int(number))


class Environment(Application):
    """An execution environment: the application as composed, on this night's stores, clock and queue."""

    def __init__(self, night: "Night") -> None:
        super().__init__(
            Settings.from_env({"AUDIENCE_SHARDS": str(SHARDS), "INLINE_AUDIENCE": str(night.setting.inline)})
        )
        self.clock = night.clock
        self.stores = night.stores
        self.in_loop = night.stores.in_loop()
        sessions, answers = night.stores.sessions, night.stores.sessions.answers
        vars(self).update(
            push=night.gateway,
            tokens=Verifier(),
            _sessions=sessions,
            _connections=night.stores.connections,
            _lags=night.stores.lags,
            _queue=SqsJobQueue(cast("SqsApi", night.queue), "queue"),
            voting=Voting(
                VotingStores(sessions, sessions.box, answers),
                Commits(answers, night.patience(POLL)),
                self.clock,
                lambda: f"ballot{night.new_number()}",
            ),
            _audiences=self.in_loop.audiences,
            _progress=self.in_loop.progress,
            _commits=Commits(answers, night.patience(Backoff())),
            _streams=Streams(sessions, sessions.log, sleep=night.pass_time),
            _runner=asyncio.Runner(loop_factory=_loop),
        )

    def end(self) -> None:
        self.run(_awaited(self.in_loop.close()))
        self._runner.close()


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_Here())
    return loop


class Context:
    """What a handler asks of its Lambda context."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass(frozen=True, slots=True)
class Setting:
    """How many shards the stream has, and the largest audience that a broadcast posts to itself."""

    shards: int = 1
    inline: int = 500


class Night:
    """Tables, functions, API Gateway, the stream, the queue and some clients."""

    def __init__(self, storage: Storage, setting: Setting, alter: Alter = lambda _: None) -> None:
        self.setting = setting
        self._storage = storage
        self._alter = alter
        self._now = datetime(2025, 11, 1, 20, tzinfo=UTC)
        self._running: list[tuple[Invocation, Environment]] = []
        self._free: list[Environment] = []
        self._ids = itertools.count(1)
        self._app: Any = importlib.import_module("app")
        self._routes = Routes(self._app.app.routes)
        self._patch = pytest.MonkeyPatch()
        for name, value in ENVIRONMENT.items():
            self._patch.setenv(name, value)
        self._patch.setattr(self._app, "application", lambda: self._running[-1][1])
        self.complaints: list[str] = []
        self.departed: list[Line] = []
        self.disconnects = 0
        self.clients = [Client(f"client{number}", lambda: self.truth) for number in range(CLIENTS)]
        self.begin_life()

    def begin_life(self) -> None:
        """Make the tables, or make them anew: nothing of before is left."""
        for client in self.clients:
            client.vanished()
        self.departed.clear()
        self._end_environments()
        self.gateway = Gateway(lambda: self._running[-1][0], self._closed_by_us)
        self.stream = TableStream(self.setting.shards)
        self.keyed: list[Any] = []
        self.answers: dict[str, Answer] = {}
        self.ledger = Ledger(self.complain)
        self.truth = Truth(self.ledger, self.seconds, self.complain, ordered=self.setting.shards == 1)
        watch = Watch(self._invocation, self.seconds, self._committed)
        self.stores: Stores = self._storage.tables(watch)
        self.queue = DeliveryQueue(watch)

    def close(self) -> None:
        self._end_environments()
        self._patch.undo()

    def complain(self, text: str) -> None:
        self.complaints.append(text)

    # Time.

    def clock(self) -> datetime:
        """Return a time that is never the same twice, so that no two events are the same."""
        self._now += timedelta(milliseconds=1)
        return self._now

    def seconds(self) -> float:
        return self._now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def patience(self, backoff: Backoff) -> Backoff:
        """Return a back-off that waits as long as the given one, in this night's time."""
        return replace(
            backoff, uniform=lambda _, longest: longest, sleep=self.pass_time, monotonic=self.seconds
        )

    def new_number(self) -> int:
        return next(self._ids)

    # The functions.

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        query: str = "",
        interruptions: Sequence[Interruption] = (),
    ) -> Answer:
        """Send a REST request as the host. Raises FunctionFailed where API Gateway answers 502."""
        headers = [("Host", "localhost"), ("Authorization", "Bearer host:0")]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        if key is not None:
            headers.append(("Idempotency-Key", key))
        sent = b"" if body is None else json.dumps(body).encode()
        match = self._routes.match(path)
        assert match is not None
        request = RestRequest(method, path, query, headers, sent, "127.0.0.1")
        event = rest_event(request, match, self._moment())
        answer = self.invoke("api_handler", self._app.app, event, interruptions)
        told = Answer(answer["statusCode"], answer["body"])
        if told.status >= 500 and told.status != 503:
            self.complain(f"{method} {path} was answered {told}")
        return told

    def connect(self, client: Client, interruptions: Sequence[Interruption] = ()) -> None:
        """Open a connection, unless $connect fails: then there is none."""
        connection_id = f"{client.name}-{next(self._ids)}="
        event = self._socket_event(connection_id, "$connect", "CONNECT")
        try:
            self.invoke("websocket_connect", self._app.websocket_connect, event, interruptions)
        except FunctionFailed:
            return
        self.hang_up(client)  # while $connect ran it may have opened another
        client.connected(connection_id)
        self.gateway.open[connection_id] = client

    def say(
        self,
        client: Client,
        verb: str,
        stream: StreamName,
        since: Since = Since.NOT_ASKED,
        interruptions: Sequence[Interruption] = (),
    ) -> None:
        """Hand over a frame of a client, which waits where it has one about this stream on its way."""
        line = client.line
        if line is None or line.waits_for(stream):
            return
        number, text = client.frame(verb, stream, since)
        event = self._socket_event(line.connection_id, "$default", "MESSAGE") | {"body": text}
        killed = False
        try:
            self.invoke("websocket_message", self._app.websocket_message, event, interruptions)
        except FunctionFailed:
            killed = True
        client.finished(line, number, killed=killed)

    def hang_up(self, client: Client) -> Line | None:
        """Let a client vanish; return the connection that it had."""
        line = client.line
        if line is None:
            return None
        self.gateway.open.pop(line.connection_id, None)
        client.vanished()
        self.disconnects += line.authenticated
        return line

    def _closed_by_us(self, connection_id: str) -> None:
        for client in self.clients:
            if client.line is not None and client.line.connection_id == connection_id:
                self.departed.append(client.line)
                self.hang_up(client)

    def disconnected(self, line: Line, interruptions: Sequence[Interruption] = ()) -> None:
        """Tell the service that a connection is closed, as well as can be."""
        event = self._socket_event(line.connection_id, "$disconnect", "DISCONNECT")
        try:
            self.invoke("websocket_disconnect", self._app.websocket_disconnect, event, interruptions)
        except FunctionFailed:
            return

    def deliver(
        self, shard: int, count: int, again: int = 0, interruptions: Sequence[Interruption] = ()
    ) -> None:
        """Hand records of a shard of the stream to the broadcast."""

        def invoke(event: Any) -> Any:
            return self.invoke("broadcast", self._app.broadcast, event, interruptions)

        self.stream.shards[shard % self.setting.shards].deliver(invoke, count, again=again)

    def work(self, which: int, interruptions: Sequence[Interruption] = ()) -> None:
        """Hand a job of the queue to the worker."""
        self.queue.work(which, lambda event: self.invoke("deliver", self._app.deliver, event, interruptions))

    def drain(self) -> None:
        """Deliver all that is left, with nothing in the way but what is being delivered already."""
        for turn in range(40 if self._running else 400):
            shards = [one for one, shard in enumerate(self.stream.shards) if not (shard.idle or shard.busy)]
            for shard in shards:
                self.deliver(shard, 100)
            if not shards and self.queue.busy:
                return
            self.work(turn)
        if not self._running:
            self.complain("what is to be delivered never ends")

    def invoke(self, name: str, handler: Any, event: Any, interruptions: Sequence[Interruption] = ()) -> Any:
        """Run a handler to its end. Raises FunctionFailed where it did not get there."""
        invocation = Invocation(name, interruptions, self._perform)
        environment = self._free.pop() if self._free else self._new_environment()
        with self._entered(invocation, environment):
            try:
                answer = _outside_of_any_loop(lambda: handler(event, Context()))
            except Killed:
                answer = None
            except Exception as error:
                self._free.append(environment)
                if invocation.faults == 0:
                    self.complain(f"{name} raised {error!r}")
                raise FunctionFailed from error
            if invocation.dead:
                environment.end()
                raise FunctionFailed
        self._free.append(environment)
        if not invocation.faults and not self._running:
            self._check_forgotten(invocation.gone)
        return json.loads(json.dumps(answer))

    @contextmanager
    def _entered(self, invocation: Invocation, environment: Environment) -> Iterator[None]:
        self._running.append((invocation, environment))
        try:
            yield
        finally:
            self._running.pop()

    def check_heard(self) -> None:
        """Complain of what was delivered and not heard by someone who should have; not within a function.

        What is on the queue may be anyone's.
        """
        for client in self.clients if not self.queue.messages else ():
            for lack in client.overdue(self.stream.has_delivered):
                self.complain(lack)

    def _check_forgotten(self, gone: set[str]) -> None:
        if gone:
            known = {one for one in gone if self.stores.connections.get(one) is not None}
            if traces := gone & (known | asyncio.run(self._audience_members())):
                self.complain(f"{traces} are gone, and there is a trace of them left")

    async def _audience_members(self) -> set[str]:
        in_loop, members = self.stores.in_loop(), set()
        for audience in [ALL_AUDIENCE, *map(session_audience, range(1, self.ledger.sessions + 1))]:
            after: str | None = ""
            while after is not None:
                page = await in_loop.audiences.page(audience, 0, after or None)
                members |= {recipient.connection_id for recipient in page.recipients}
                after = page.next_after
        await in_loop.close()
        return members

    def _invocation(self) -> Invocation | None:
        return self._running[-1][0] if self._running else None

    def _new_environment(self) -> Environment:
        environment = Environment(self)
        self._alter(environment)
        return environment

    def _end_environments(self) -> None:
        for environment in self._free:
            environment.end()
        self._free.clear()

    def _perform(self, action: Any) -> None:
        action(self)

    def _committed(self, image: Any) -> None:
        self.stream.append(image, self.ledger.append(image, self.seconds()))

    def _moment(self) -> Moment:
        return Moment(self._now, f"request{next(self._ids)}")

    def _socket_event(self, connection_id: str, route: str, kind: str) -> dict[str, Any]:
        milliseconds = int(self.seconds() * 1000)
        context = {
            "routeKey": route,
            "eventType": kind,
            "connectionId": connection_id,
            "connectedAt": milliseconds,
            "requestTimeEpoch": milliseconds,
            "requestId": "r",
            "apiId": "api",
            "stage": "dev",
            "domainName": "localhost",
            "identity": {"sourceIp": "127.0.0.1"},
        }
        return {"requestContext": context, "isBase64Encoded": False}


def _outside_of_any_loop(call: Callable[[], Any]) -> Any:
    """Run a call where no event loop is running: in this thread, or in one of its own meanwhile."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call()
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits for the result
            future.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return future.result()
