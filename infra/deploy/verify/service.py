"""Connects to a deployed stage as a client does."""

import json
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

from websockets.sync.client import ClientConnection, connect

from infra.deploy.target import Target

PATIENCE_SECONDS = 60.0
"""Seconds after which something counts as missing. A cold start is shorter."""


@dataclass(frozen=True, slots=True)
class Service:
    """A deployed stage. ``rest_url`` ends in ``/api``; ``token`` is an admin's."""

    target: Target
    rest_url: str
    websocket_url: str
    token: str

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Make a request with the token; return the status and the JSON. Raises OSError, ValueError."""
        known = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.rest_url + path, body, known, method=method)  # noqa: S310 - AWS's
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310 - likewise
                return answer.status, json.load(answer)
        except HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def start_night(self) -> int:
        """Start a night and return its id. Raises OSError, ValueError."""
        status, night = self.ask("POST", "/sessions", b"{}")
        if "id" not in night:
            raise ValueError(f"a night was not started: {status} {night.get('code')}")
        return int(night["id"])

    @contextmanager
    def bot(self, ping_seconds: float | None = None) -> Iterator[ClientConnection]:
        """Connect and authenticate. The protocol's pings are ``ping_seconds`` apart; None sends none."""
        pings: dict[str, Any] = {"ping_interval": ping_seconds, "ping_timeout": None}
        with connect(self.websocket_url, open_timeout=PATIENCE_SECONDS, max_queue=None, **pings) as bot:
            bot.send(json.dumps({"type": "auth", "token": self.token}))
            said = json.loads(bot.recv(timeout=PATIENCE_SECONDS))
            if said["type"] != "auth_success":
                raise ValueError(f"a bot was told {said}")
            yield bot

    def seconds_to_event(self, bot: ClientConnection) -> float:
        """Start a night; return the seconds from the request until the bot hears of it."""
        with ThreadPoolExecutor(1) as other:
            began = time.monotonic()
            started = other.submit(self.start_night)
            return next(arrived for number, arrived in _starts(bot) if number == started.result()) - began


def hear(bot: ClientConnection, session_id: int) -> float:
    """Return the monotonic time at which a night's start arrived. Raises TimeoutError."""
    return next(arrived for number, arrived in _starts(bot) if number == session_id)


def frames(bot: ClientConnection, within: float = PATIENCE_SECONDS) -> Iterator[Any]:
    """Yield the frames that a connection receives. Raises TimeoutError after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        yield json.loads(bot.recv(timeout=max(0.0, deadline - time.monotonic())))


def _starts(bot: ClientConnection) -> Iterator[tuple[int, float]]:
    for frame in frames(bot):
        if frame.get("type") == "session.started":
            yield frame["data"]["session"]["id"], time.monotonic()
