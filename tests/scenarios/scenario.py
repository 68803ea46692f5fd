"""Describes a scenario that any client library is tested with. ``scenarios`` lists them.

A client is a command:

    COMMAND REST_URL WEBSOCKET_URL --token T [--token T2 ...] [--cursors FILE] [--speed N]

Each time it needs a token it takes the next ``--token``, and keeps the last one. The token ``fails`` means
that getting one fails that time. Its time runs ``--speed`` times as fast, so that half a minute takes
seconds. It prints a JSON object a line:

- ``{"event": {"type", "timestamp", "data", ...}}`` for each event that the program gets;
- ``{"state": ...}`` as its connection becomes connecting, catching_up, live, polling, closed;
- ``{"failed": ...}`` if it can't go on by itself; then it exits with 1.

Anything else that it prints is ignored. On SIGTERM it closes, and exits with 0.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.bots.server import NEWEST, Script, nights

FAILS = "fails"


@dataclass(frozen=True)
class Scenario:
    """What the server does on each connection, and what a client has to print.

    ``hears`` are the printed events, in order. ``asks`` are the frames that the scripts wait for, in short
    form. ``states`` are printed in this order, with others between them perhaps. No WebSocket opens until the
    event ``blocked_until`` has been printed.
    """

    name: str
    scripts: list[Script]
    hears: list[str]
    asks: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    pages: dict[str, Any] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=lambda: {"sessions": "S:3"})
    tokens: list[str] = field(default_factory=lambda: ["a-token"])
    refusals: list[int] = field(default_factory=list)
    blocked_until: str | None = None
    speed: int = 1
    fails: str | None = None

    @property
    def answers(self) -> dict[str, Any]:
        """REST's answers: no nights, unless the scenario has some."""
        return {NEWEST: nights(cursor="S:3"), **self.pages}
