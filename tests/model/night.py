"""A night in one process: the deployed functions, and everyone and everything around them."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.delivery import catch_up, fan_out
from chalicelib.nights.events import session_stream
from infra.local.apigateway.rest_event import RestRequest, rest_event
from tests.model.clients import Client, Since
from tests.model.connection import Line
from tests.model.truth import Truth
from tests.model.world.delivery_queue import DeliveryQueue
from tests.model.world.environment import Environment
from tests.model.world.functions import Answer, Functions
from tests.model.world.gateway import Gateway
from tests.model.world.interruptions import FunctionFailed, Interruption
from tests.model.world.ledger import SESSIONS, Ledger
from tests.model.world.storage import PAGE, Stores, Watch
from tests.model.world.table_stream import TableStream

CLIENTS = 3
HOST = "host:0:0"  # the token


@dataclass(frozen=True, slots=True)
class Setting:
    """How many shards the stream has, and the largest audience that a broadcast posts to itself."""

    shards: int = 1
    inline: int = 500


class Night(Functions):
    """Tables, functions, API Gateway, the stream, the queue and some clients."""

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self._lives = itertools.count(1)
        self.departed: list[Line] = []
        self.disconnects = 0
        self._patch.setattr(fan_out, "PAGE_SIZE", 1)
        self._patch.setattr(catch_up, "PAGE_SIZE", PAGE + 1)
        self.clients = [
            Client(f"client{number}", lambda: self.truth, resumes=number < CLIENTS - 1)
            for number in range(CLIENTS)
        ]
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
        self.accepted: dict[str, Any] = {}
        self.asked_at: dict[str, int] = {}
        self.codes: dict[int, str] = {}
        self.names_asked_for: dict[tuple[int, str], set[int]] = {}
        self.joined: dict[tuple[int, str], str] = {}
        self.shut_out: dict[str, float] = {}
        self.answered_at: dict[str, int] = {}
        self.restored = False
        self.refused: set[str] = set()
        self.ledger = Ledger(self.complain)
        self.truth = Truth(self.ledger, self.seconds, self.complain)
        watch = Watch(self._invocation, self.seconds, self._committed)
        self.stores = Stores(watch, self._lives)
        self.queue = DeliveryQueue(watch)

    def _environment(self) -> Environment:
        return Environment(
            self.stores,
            self.gateway,
            self.queue,
            self,
            inline=self.setting.inline,
            new_number=self.new_number,
        )

    # What people do.

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = HOST,
        headers: Sequence[tuple[str, str]] = (),
        query: str = "",
        interruptions: Sequence[Interruption] = (),
    ) -> Answer:
        """Send a REST request; ``body`` is bytes as they are, or anything else as JSON.

        The answer of a path that API Gateway routes nowhere is its own, which is a 403. Raises FunctionFailed
        where it answers 502.
        """
        headers = [("Host", "localhost"), *headers]
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = RestRequest(method, path, query, headers, sent, "127.0.0.1")
        event = rest_event(self._app.app.routes, request, self._moment())
        if event is None:
            return Answer(403, "{}")
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
        stream: str,
        since: Since = Since.NOT_ASKED,
        interruptions: Sequence[Interruption] = (),
    ) -> None:
        """Hand over a frame of a client, which waits where it has one about this stream on its way."""
        line = client.line
        if line is None or line.waits_for(stream):
            return
        number, text = client.frame(verb, stream, since)
        event = self._socket_event(line.connection_id, "$default", "MESSAGE") | {"body": text}
        failed = False
        try:
            self.invoke("websocket_message", self._app.websocket_message, event, interruptions)
        except FunctionFailed:
            failed = True
        failed = failed or line.connection_id in self.gateway.unclosed
        if not client.finished(line, number, failed=failed) and client.line is line:
            self.departed.append(line)
            self.hang_up(client)

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
        self,
        shard: int,
        count: int,
        again: int = 0,
        interruptions: Sequence[Interruption] = (),
        *,
        give_up: bool = False,
    ) -> None:
        """Hand records of a shard of the stream to the broadcast."""

        def invoke(event: Any) -> Any:
            return self.invoke("broadcast", self._app.broadcast, event, interruptions)

        shards = self.stream.shards
        give_up = give_up and not self.restored
        shards[shard % len(shards)].deliver(invoke, count, again=again, give_up=give_up)

    def work(self, which: int, interruptions: Sequence[Interruption] = ()) -> None:
        """Hand a job of the queue to the worker."""
        self.queue.work(which, lambda event: self.invoke("deliver", self._app.deliver, event, interruptions))

    def drain(self) -> None:
        """Deliver all that is left, with nothing in the way but what is being delivered already."""
        for turn in range(40 if self._running else 400):
            shards = [one for one, shard in enumerate(self.stream.shards) if not (shard.idle or shard.busy)]
            for shard in shards:
                self.deliver(shard, 100)
            wait = self.queue.wait
            if not shards and (wait is None or (wait and self._running)):
                if not self._running:
                    self._check_accepted()
                return
            if wait and not shards:
                self.pass_time(wait)
            self.work(turn)
        if not self._running:
            self.complain("what is to be delivered never ends")

    def check_heard(self) -> None:
        """Complain of what was delivered and not heard by someone who should have; not within a function.

        What is on the queue may be anyone's.
        """
        for client in self.clients if not self.queue.messages else ():
            for lack in client.overdue(self.stream.has_delivered):
                self.complain(lack)

    def check_once(self) -> None:
        """Complain of what happened twice, and of what happened although it was refused."""
        for marker, fired in self.ledger.fired.items():
            if len(fired) > 1 or (fired and marker in self.refused):
                self.complain(f"{marker} fired {len(fired)} times, refused: {marker in self.refused}")

    def _check_accepted(self) -> None:
        """Complain of votes that were answered and, when all is delivered, not counted as answered."""
        for marker, answer in self.accepted.items():
            fired = self.ledger.fired.get(marker)
            if not fired and self._may_be_dropped(marker, answer):
                continue
            if not fired or {**fired[0].data, "totals": None} != {**answer, "totals": None}:
                self.complain(f"{marker} was answered {answer}, and fired {fired}")

    def _may_be_dropped(self, marker: str, answer: Any) -> bool:
        """Whether a vote's game was removed, and that was asked for before the vote was answered."""
        removal = f"no {answer['game']['title']}"
        return removal in self.ledger.fired and self.answered_at[marker] > self.asked_at[removal]

    def _check_forgotten(self, gone: set[str]) -> None:
        if gone:
            known = {one for one in gone if self.stores.connections.get(one) is not None}
            if traces := gone & (known | self.stores.everyone()):
                self.complain(f"{traces} are gone, and there is a trace of them left")

    def renew_epochs(self) -> None:
        """Give all streams new epochs, as an operator does to a table that was restored."""
        self.restored = True
        self.stores.renew_epochs()
        sessions = self.stores.sessions
        epochs = {
            session_stream(number): sessions.session(number).epoch
            for number in range(1, self.ledger.sessions + 1)
        }
        self.ledger.renew({SESSIONS: sessions.head().epoch, **epochs})

    def _committed(self, image: Any) -> None:
        is_event = image["SK"]["S"].startswith("event#")
        self.stream.append(image, self.ledger.append(image, self.seconds()) if is_event else 0)
