"""What a client library is put through, whatever its language: the list is in ``scenarios``.

A client is a command:

    COMMAND REST_URL WEBSOCKET_URL --token T [--token T2 ...] [--cursors FILE] [--speed N]

Where it is given several tokens, each time it needs one it takes the next, the last one for good; the token
``fails`` means that nobody can give it one then. Its time runs ``--speed`` times as fast, so that half a
minute is tried in seconds. It prints a JSON object a line:

- ``{"event": {"type", "timestamp", "data", ...}}`` for each event, once it is handed out;
- ``{"state": ...}`` as its connection becomes connecting, catching_up, live, polling, closed;
- ``{"failed": ...}`` where it can't go on by itself, and then ends with 1.

What else it prints does not matter. By SIGTERM it closes, and ends by itself with 0.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.bots.server import NEWEST, Script, nights

FAILS = "fails"


@dataclass(frozen=True)
class Scenario:
    """What the server does on each connection, and what a client makes of it.

    ``hears`` are the events that are printed, in order, and ``asks`` the frames that the scripts wait for, in
    short. ``states`` are printed in this order, maybe with others between them. While ``blocked_until`` has
    not been heard no WebSocket opens.
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
        """What REST answers: there is no night, unless the scenario says so."""
        return {NEWEST: nights(cursor="S:3"), **self.pages}
