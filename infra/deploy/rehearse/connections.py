"""Rehearses delivery and deadlines with clients that are gone, silent, behind, or many.

Most of these connections are only rows in the stores, as if they had ended without a `$disconnect`.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chalicelib.auth.claims import Claims, Role
from chalicelib.bootstrap import Application
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import Resume
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from infra.deploy.aws import Aws, wait
from infra.deploy.operate.stage import OperatedStage, deployed_stage
from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, STAGE, Terminal, must

SWEEP_SECONDS = 180.0
"""Half a minute to authenticate, a minute until the schedule comes, and as much again on a busy machine."""

CLOSED_SECONDS = 900.0
"""Ten attempts, with up to two minutes between them."""

INLINE_AUDIENCE = 20
"""The largest audience without jobs in the rehearsal. The conformance suite's crowds are smaller, since the
emulator does one job at a time."""

NEVER = 4_000_000_000
"""When the tokens of connections that are put here expire, in Unix seconds."""


class StaleConnections(Application):
    """Adds connections that no client has, and says whether they have been removed."""

    def __init__(self, stage: OperatedStage) -> None:
        super().__init__(stage.settings)
        self._api_id = stage.client("apigatewayv2").get_apis()["Items"][0]["ApiId"]
        self._put: list[str] = []

    def put(self, name: str, stream: str, *, position: int = 0, behind: int = 0, missed: int = 0) -> None:
        """Put one into an audience; ``behind`` is the first event that it lacks, 0 where it is live."""
        connection = self._add(name, int(time.time()), token_expires_at=NEVER)
        self._connections.join(connection, stream, position=position)
        if behind:
            self.run(self._audiences.fall_behind(stream, name, behind, missed))

    def put_due(self, name: str, age: int, kind: DeadlineKind) -> None:
        """Put one, opened ``age`` seconds ago, that only the sweep finds: its deadline is now."""
        now = int(time.time())
        due = Deadline(now, kind)
        connection = self._add(name, now - age, deadline=due)
        if kind is not DeadlineKind.AUTHENTICATE:
            claims = Claims("gone", Role.BOT, now - age, NEVER, "t")
            self._connections.authenticate(connection, claims, deadline=due, resume=Resume(1, 0))
            self._connections.leave(name, SESSIONS_STREAM)

    def are_gone(self) -> bool:
        """Say whether all that were put have been removed."""
        return not any(map(self._connections.get, self._put))

    def _add(self, name: str, connected_at: int, **more: Any) -> Connection:
        connection = Connection(name, self._api_id, STAGE.name, connected_at, "127.0.0.1", **more)
        self._connections.add(connection)
        self._put.append(name)
        return connection


class Connections:
    """The clients of a stage that is deployed."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._progress = terminal.progress
        self._stage = deployed_stage(Aws.connect(), STAGE)
        self._websocket = terminal.urls()[1]

    def resume_from_nothing(self) -> None:
        """Resume on an empty table: the function then writes to it, which it otherwise never does."""
        self._progress.step("The first client resumes, on empty tables")
        with connect(self._websocket) as bot:
            said = self._ask(bot, type="auth", token=self._terminal.token(), since="")
        must(said.get("type") == "auth_success", f"a client that resumes on an empty table was told {said}")
        must(said["cursor"].endswith(":0"), f"the stream of no sessions ends at {said['cursor']}")
        self._progress.detail(f"authenticated, at {said['cursor']}")

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Add connections, one of them behind, that a small delivery finds gone; see them removed."""
        gone = StaleConnections(self._stage)
        gone.put("gone=", SESSIONS_STREAM)
        session_id = self._terminal.asked("night", "start")["id"]
        gone.put("inline=", session_stream(session_id), position=1)
        # What it has missed was noted by a later delivery than the one that comes.
        gone.put("behind=", session_stream(session_id), behind=1, missed=99)
        self._terminal.asked("game", "add", "Tee K.O.", "--night", str(session_id))
        yield
        self._progress.step("A delivery removes connections that ended without a word")
        self._see_removed(gone, DELIVERY_SECONDS)

    @contextmanager
    def due(self) -> Iterator[None]:
        """Add connections for the sweep: two have to go, and one has to be told why it is closed."""
        with connect(self._websocket) as silent:
            due = StaleConnections(self._stage)
            due.put_due("speechless=", 60, DeadlineKind.AUTHENTICATE)
            due.put_due("old=", 7000, DeadlineKind.MAX_AGE)
            yield
            self._progress.step("The sweep tells and closes connections whose deadline has passed")
            said = json.loads(silent.recv(timeout=SWEEP_SECONDS))
            must(said.get("code") == "auth_timeout", f"a connection that is silent was told {said}")
            with suppress(ConnectionClosed):
                must(
                    holds=False, otherwise=f"after its end it was told {silent.recv(timeout=SWEEP_SECONDS)!r}"
                )
            self._progress.detail("told and closed")
            self._see_removed(due, SWEEP_SECONDS)

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """Follow a night whose log lacks events: a job can't catch it up, and closes the connection."""
        session_id = self._terminal.start_night()
        self._stage.client("dynamodb").update_item(
            TableName=self._stage.settings.sessions_table,
            Key={"PK": {"S": f"session#{session_id}"}, "SK": {"S": "head"}},
            AttributeUpdates={"sequence": {"Value": {"N": "95"}}},
        )
        with connect(self._websocket, max_queue=None, ping_interval=None) as bot:
            self._ask(bot, type="auth", token=self._terminal.token())
            said = self._ask(bot, type="subscribe", sessionId=session_id, since="")
            must(said.get("last") == 95, f"a client that resumes was told {said}")  # noqa: PLR2004 - as written
            yield
            self._progress.step("A connection that can't be caught up is closed in the end")
            with suppress(ConnectionClosed):
                while True:
                    bot.recv(timeout=CLOSED_SECONDS)
            self._progress.detail("closed")

    def deliver_to_many_and_to_those_behind(self) -> None:
        """Deliver by jobs to many and to those behind; all of them turn out to be gone."""
        self._progress.step("A large audience, connections that are behind, and a job that nobody can read")
        gone = StaleConnections(self._stage)
        for number in range(INLINE_AUDIENCE + 1):
            gone.put(f"crowd{number}=", SESSIONS_STREAM, behind=int(number < 2))  # noqa: PLR2004 - a few of them
        self._terminal.start_night()
        self._stage.queue("DeliveryQueue").send("junk", MessageGroupId="junk", MessageDeduplicationId="junk")
        self._see_removed(gone, DELIVERY_SECONDS)
        dead = self._stage.queue("DeliveryDeadLetterQueue")
        letters = _wait("the dead letter", lambda: dead.receive(10))
        must([one["Body"] for one in letters] == ["junk"], f"other jobs failed as well: {letters}")
        self._terminal.start_night()  # to few again, now that the jobs are done

    def set_aside_and_redrive(self) -> None:
        """Log an event of an unknown type, wait until it is set aside, mend it, and redo it."""
        self._progress.step("An event that nobody can read is set aside, mended and redone")
        session_id = self._terminal.start_night()
        self._log(session_id, "game.exploded")

        queue = self._stage.queue("StreamFailureQueue")
        _wait("the event on the failure queue", lambda: queue.receive(1, VisibilityTimeout=0))
        still = self._terminal.asked("stage", "redrive", "--dry-run")["records"]
        must(still["unreadable"] == 1, f"an event that can't be read is not told of: {still}")
        self._log(session_id, "game.added")
        redone = self._terminal.asked("stage", "redrive")["records"]
        must((redone["redone"], redone["events"]) == (1, 1), f"a mended event was not redone: {redone}")
        self._progress.detail("set aside, mended and redone")

    def _log(self, session_id: int, event_type: str) -> None:
        """Put an event into a night's log past our code, where the night has none of its own."""
        keys = {"PK": {"S": f"session#{session_id}"}, "SK": {"S": "event#0000009999"}}
        event = {"type": {"S": event_type}, "envelope": {"S": "{}"}, "epoch": {"S": "rehearsed"}}
        table = self._stage.settings.sessions_table
        self._stage.client("dynamodb").put_item(TableName=table, Item={**keys, **event})

    def _ask(self, bot: ClientConnection, **frame: Any) -> Any:
        """Send a frame and return its answer, past the events that come before it."""
        bot.send(json.dumps({"id": "asked", **frame}))
        while (said := json.loads(bot.recv(timeout=DELIVERY_SECONDS))).get("id") != "asked":
            pass
        return said

    def _see_removed(self, gone: StaleConnections, within: float) -> None:
        _wait("the removal of connections that are gone", gone.are_gone, within)
        self._progress.detail("removed")


def _wait(what: str, look: Callable[[], Any], within: float = DELIVERY_SECONDS) -> Any:
    return wait(what, lambda: look() or None, within=within, every=0.5)
