"""Connections of the rehearsed stage: gone, silent, lagging, in crowds; and that each of them is dealt with.

Leaves putting those that are gone into the table to ``ghosts``.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chalicelib.connections.connection import ALL_AUDIENCE, session_audience
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from infra.deployment.clock import Clock
from infra.rehearsal.ghosts import NEVER, Ghosts
from infra.rehearsal.host import Host
from infra.rehearsal.terminal import DELIVERY_SECONDS, STAGE, Terminal, must

TABLE = f"{STAGE.stack}-connections"
SWEEP_SECONDS = 180.0
"""Half a minute to authenticate, a minute until the schedule comes, and as much again on a busy machine."""

INLINE_AUDIENCE = 20
"""What is a small audience in the rehearsal: so that a few ghosts are a large one, and the crowds of the
conformance suite are not, since the emulator does one job at a time."""


class Connections:
    """What is rehearsed of connections and of delivery to them."""

    def __init__(self, terminal: Terminal, host: Host) -> None:
        self._terminal = terminal
        self._host = host

    def resume_from_nothing(self) -> None:
        """Ask for everything since the beginning, while there is nothing in the sessions table.

        It is written to then, by a function that otherwise only reads it.
        """
        self._terminal.progress.step("The first client of all resumes, before anybody has asked for anything")
        with connect(self._url()) as bot:
            bot.send(json.dumps({"type": "auth", "token": self._host.token(), "since": ""}))
            said = json.loads(bot.recv(timeout=DELIVERY_SECONDS))
        must(said.get("type") == "auth_success", f"a client that resumes on an empty table was told {said}")
        must(said["cursor"].endswith(":0"), f"the stream of no sessions ends at {said['cursor']}")
        self._terminal.progress.detail(f"authenticated, at {said['cursor']}")

    def leave_ghosts(self) -> Ghosts:
        """Put ghosts where a delivery to few will find them, one of them lagging."""
        ghosts = self._ghosts()
        ghosts.put("ghost=", ALL_AUDIENCE)
        session_id = self._host.does("session", "start")["id"]
        ghosts.put("inline=", session_audience(session_id))
        ghosts.put("lagging=", session_audience(session_id), lags=True)
        self._host.does("game", "add", "Tee K.O.", "--session", str(session_id))
        return ghosts

    def wait_until_gone(self, ghosts: Ghosts) -> None:
        """Wait until delivery has removed them all."""
        self._terminal.progress.step(
            "Connections that ended without a word are removed by the delivery that meets them"
        )
        self._see_removed(ghosts, "the removal of connections that are gone", DELIVERY_SECONDS)

    @contextmanager
    def silent_connection(self) -> Iterator[ClientConnection]:
        """Open a connection that never authenticates."""
        with connect(self._url()) as silent:
            yield silent

    def leave_due_ghosts(self) -> Ghosts:
        """Put ghosts where the sweep will find them: one has to go, one has to be told something."""
        ghosts, now = self._ghosts(), int(time.time())
        ghosts.put_due("speechless=", Deadline(now, DeadlineKind.AUTHENTICATE), now - 60)
        known = {"subject": {"S": "ghost"}, "role": {"S": "bot"}, "token_expires_at": NEVER}
        ghosts.put_due(
            "old=", Deadline(now, DeadlineKind.MAX_AGE), now - 7000, **known, wants_cursor={"BOOL": True}
        )
        return ghosts

    def wait_until_swept(self, silent: ClientConnection, due: Ghosts) -> None:
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

    def deliver_to_many_and_to_stragglers(self) -> None:
        """Have events delivered by jobs, and jobs made for those who lag; all of them turn out to be gone."""
        self._terminal.progress.step("A large audience, stragglers, and a job that nobody can read")
        ghosts = self._ghosts()
        for number in range(INLINE_AUDIENCE + 1):
            ghosts.put(f"crowd{number}=", ALL_AUDIENCE, lags=number < 2)  # noqa: PLR2004 - a few of them
        self._host.post("sessions")
        sqs = self._terminal.account.client("sqs")
        sqs.send_message(
            QueueUrl=sqs.get_queue_url(QueueName=f"{STAGE.stack}-delivery.fifo")["QueueUrl"],
            MessageBody="junk",
            MessageGroupId="junk",
            MessageDeduplicationId="junk",
        )
        self.wait_until_gone(ghosts)
        dead = sqs.get_queue_url(QueueName=f"{STAGE.stack}-delivery-dead.fifo")["QueueUrl"]
        letters = Clock().wait(
            "the dead letter",
            lambda: sqs.receive_message(QueueUrl=dead).get("Messages"),
            within=DELIVERY_SECONDS,
            every=0.5,
        )
        must([one["Body"] for one in letters] == ["junk"], f"other jobs failed as well: {letters}")
        self._host.post("sessions")  # to few again, now that the jobs are done

    def _see_removed(self, ghosts: Ghosts, what: str, within: float) -> None:
        Clock().wait(what, lambda: True if ghosts.are_gone() else None, within=within, every=0.5)
        self._terminal.progress.detail("removed")

    def _url(self) -> str:
        [url] = re.findall(r"wss?://\S+", self._terminal.infra("status", "--stage", STAGE.name))
        return str(url)

    def _ghosts(self) -> Ghosts:
        api_id = self._terminal.account.client("apigatewayv2").get_apis()["Items"][0]["ApiId"]
        return Ghosts(self._terminal.account.client("dynamodb"), TABLE, api_id, STAGE.name)
