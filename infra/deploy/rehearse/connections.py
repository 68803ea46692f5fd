"""Connections of the rehearsed stage: gone, silent, behind, in crowds; and what becomes of them."""

import json
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from infra.deploy.aws import Clock
from infra.deploy.rehearse.stale_connections import NEVER, StaleConnections
from infra.deploy.rehearse.terminal import DELIVERY_SECONDS, STAGE, Terminal, must

TABLE = f"{STAGE.stack}-connections"
SWEEP_SECONDS = 180.0
"""Half a minute to authenticate, a minute until the schedule comes, and as much again on a busy machine."""

CLOSED_SECONDS = 900.0
"""Ten attempts, with up to two minutes between them."""

INLINE_AUDIENCE = 20
"""What is a small audience in the rehearsal: so that a few are a large one, and the crowds of the
conformance suite are not, since the emulator does one job at a time."""


class Connections:
    """What is rehearsed of connections and of delivery to them."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def resume_from_nothing(self) -> None:
        """Ask for everything since the beginning, while there is nothing in the sessions table.

        It is written to then, by a function that otherwise only reads it.
        """
        self._terminal.progress.step("The first client of all resumes, before anybody has asked for anything")
        with connect(self._terminal.urls()[1]) as bot:
            bot.send(json.dumps({"type": "auth", "token": self._terminal.token(), "since": ""}))
            said = json.loads(bot.recv(timeout=DELIVERY_SECONDS))
        must(said.get("type") == "auth_success", f"a client that resumes on an empty table was told {said}")
        must(said["cursor"].endswith(":0"), f"the stream of no sessions ends at {said['cursor']}")
        self._terminal.progress.detail(f"authenticated, at {said['cursor']}")

    def leave_gone(self) -> StaleConnections:
        """Put connections where a delivery to few will find them, one of them behind."""
        gone = self._stale()
        gone.put("gone=", SESSIONS_STREAM)
        session_id = self._terminal.asked("night", "start")["id"]
        gone.put("inline=", session_stream(session_id), position=1)
        # What it has missed was noted by a later delivery than the one that comes.
        gone.put("behind=", session_stream(session_id), behind=1, missed=99)
        self._terminal.asked("game", "add", "Tee K.O.", "--night", str(session_id))
        return gone

    def leave_one_that_cannot_be_caught_up(self) -> StaleConnections:
        """Put a connection that lacks events which are not in the log, and the job that is to catch it up."""
        gone, stream = self._stale(), session_stream(self._terminal.asked("night", "start")["id"])
        gone.put("stuck=", stream, behind=90, missed=95)
        job = {"job": "catch_up", "stream": stream, "connection_id": "stuck=", "behind": 90}
        self._send_job("stuck", json.dumps(job))
        return gone

    def wait_until_closed(self, stuck: StaleConnections) -> None:
        """Wait until the last attempt to catch it up has closed it."""
        self._terminal.progress.step("A connection that can't be caught up is closed in the end")
        self._see_removed(stuck, "the end of a connection that can't be caught up", CLOSED_SECONDS)

    def wait_until_gone(self, gone: StaleConnections) -> None:
        """Wait until delivery has removed them all."""
        self._terminal.progress.step(
            "Connections that ended without a word are removed by the delivery that meets them"
        )
        self._see_removed(gone, "the removal of connections that are gone", DELIVERY_SECONDS)

    def silent_connection(self) -> ClientConnection:
        """Open a connection that never authenticates."""
        return connect(self._terminal.urls()[1])

    def leave_due(self) -> StaleConnections:
        """Put connections where the sweep will find them: one has to go, one has to be told something."""
        gone, now = self._stale(), int(time.time())
        gone.put_due("speechless=", Deadline(now, DeadlineKind.AUTHENTICATE), now - 60)
        known = {"subject": {"S": "gone"}, "role": {"S": "bot"}, "token_expires_at": NEVER}
        gone.put_due(
            "old=", Deadline(now, DeadlineKind.MAX_AGE), now - 7000, **known, wants_cursor={"BOOL": True}
        )
        return gone

    def wait_until_swept(self, silent: ClientConnection, due: StaleConnections) -> None:
        """Wait until the sweep has told and closed a silent connection, and removed those that are gone."""
        self._terminal.progress.step("Connections whose time has come are told so and closed by the sweep")
        said = json.loads(silent.recv(timeout=SWEEP_SECONDS))
        must(said.get("code") == "auth_timeout", f"a connection that is silent was told {said}")
        try:
            after = silent.recv(timeout=SWEEP_SECONDS)
        except ConnectionClosed:
            self._terminal.progress.detail("told and closed")
        else:
            must(holds=False, otherwise=f"after its end a connection was told {after!r}")
        self._see_removed(due, "the sweep of connections that are gone", SWEEP_SECONDS)

    def deliver_to_many_and_to_those_behind(self) -> None:
        """Have events delivered by jobs, and jobs made for those behind; all of them turn out to be gone."""
        self._terminal.progress.step(
            "A large audience, connections that are behind, and a job that nobody can read"
        )
        gone = self._stale()
        for number in range(INLINE_AUDIENCE + 1):
            gone.put(f"crowd{number}=", SESSIONS_STREAM, behind=int(number < 2))  # noqa: PLR2004 - a few of them
        self._terminal.post("sessions")
        self._send_job("junk", "junk")
        self.wait_until_gone(gone)
        sqs, dead = self._terminal.queue("delivery-dead.fifo")
        letters = Clock().wait(
            "the dead letter",
            lambda: sqs.receive_message(QueueUrl=dead).get("Messages"),
            within=DELIVERY_SECONDS,
            every=0.5,
        )
        must([one["Body"] for one in letters] == ["junk"], f"other jobs failed as well: {letters}")
        self._terminal.post("sessions")  # to few again, now that the jobs are done

    def _send_job(self, name: str, body: str) -> None:
        sqs, url = self._terminal.queue("delivery.fifo")
        named = {"MessageGroupId": name, "MessageDeduplicationId": name}
        sqs.send_message(QueueUrl=url, MessageBody=body, **named)

    def _see_removed(self, gone: StaleConnections, what: str, within: float) -> None:
        Clock().wait(what, lambda: True if gone.are_gone() else None, within=within, every=0.5)
        self._terminal.progress.detail("removed")

    def _stale(self) -> StaleConnections:
        api_id = self._terminal.account.client("apigatewayv2").get_apis()["Items"][0]["ApiId"]
        return StaleConnections(self._terminal.account.client("dynamodb"), TABLE, api_id, STAGE.name)
