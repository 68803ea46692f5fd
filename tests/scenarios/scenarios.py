"""The scenarios: what networks, proxies and a service in trouble do to a client."""

import asyncio
from typing import Any
from urllib.parse import quote

import jwt

from tests.bots.server import (
    NEWEST,
    Connection,
    Script,
    added,
    auth,
    began,
    ended,
    error,
    events,
    gets,
    hang_up,
    night,
    nights,
    refuses,
    started,
    subscribed,
    undone,
)
from tests.scenarios.scenario import FAILS, Scenario

FAILED = {"message": "Internal server error", "connectionId": "x", "requestId": "y"}
"""What API Gateway itself says where a function has failed."""

ODD: Script = ["null", "[]", "7", '"text"', "<html>", "{", b"\0"]

IN_FOUR = {"sessions": "S:4", "session:4": "a:1"}
"""The cursors of a client that follows night 4."""


OLD = {"type": "reconnect", "reason": "max_connection_age", "afterMs": 0}
EXPIRING = {"type": "token_expiring", "expiresAt": "2025-11-01T20:00:00.000Z"}
HAPPENS = added(1, "a:2", 4)

GUEST = jwt.encode({"sub": "guest-1", "role": "guest", "session": 4, "exp": 4_000_000_000}, "k" * 32)
FOR_GUESTS: dict[str, Any] = {"/api/sessions": 403, NEWEST: 403, "/api/sessions/4": night(4)}
"""What a guest of night 4 may read: nothing else."""

IN_NIGHT: Script = [started(4), subscribed("a:2"), began(4, "a:1")]
"""Night 4 starts, and is followed."""


async def freeze(connection: Connection) -> None:
    """Read nothing more, and answer nothing, not even an end: nobody is there, and no packet says so."""
    connection.socket.transport.pause_reading()


async def late(_connection: Connection) -> None:
    """Let some seconds pass for a client whose time runs ten times as fast."""
    await asyncio.sleep(0.4)


def polled(path: str, cursor: str) -> str:
    """Return the address of a page, as clients ask for it."""
    return f"{path}?since={quote(cursor, safe='')}&limit=100"


SCENARIOS = [
    Scenario(
        "a night from its start to its end",
        [[auth(), *IN_NIGHT, added(1, "a:2", 4), ended("a:3", 4), gets("unsubscribe")]],
        ["session.started 4", "game.added 1", "session.ended 4"],
        ["auth S:3", "subscribe 4 ", "unsubscribe 4"],
        ["connecting", "live"],
    ),
    Scenario(
        "first start: from now on, with the nights that are on",
        [[auth("S:4"), subscribed("a:2"), added(3, "a:3", 4)]],
        ["snapshot 4", "game.added 3"],
        ["auth now", "subscribe 4 now"],
        pages={NEWEST: nights(night(4), night(3, active=False), cursor="S:4"), "/api/sessions/4": night(4)},
        cursors={},
    ),
    Scenario(
        "cut: it comes back to its place in each stream",
        [
            [auth("S:5"), *IN_NIGHT, added(1, "a:2", 4), started(5), gets("subscribe"), hang_up],
            [auth(), subscribed("a:3"), subscribed("b:1"), added(2, "a:3", 4), began(5, "b:1"), started(6)],
        ],
        ["session.started 4", "game.added 1", "session.started 5", "game.added 2", "session.started 6"],
        ["auth S:3", "subscribe 4 ", "subscribe 5 ", "auth S:5", "subscribe 4 a:2", "subscribe 5 "],
        ["catching_up", "connecting", "live"],
    ),
    Scenario(
        "duplicated: each event once",
        [
            [
                auth("S:4"),
                *IN_NIGHT,
                *[added(1, "a:2", 4)] * 2,
                began(4, "a:1"),
                started(4),
                added(2, "a:3", 4),
            ]
        ],
        ["session.started 4", "game.added 1", "game.added 2"],
    ),
    Scenario(
        "frames without a type, and what is no frame",
        [[auth("S:4"), FAILED, {}, {"type": "wave"}, *ODD, started(4)]],
        ["session.started 4"],
    ),
    Scenario(
        "an event of a type to come",
        [[auth(), subscribed("a:2"), {**added(1, "a:2", 4), "type": "game.paused"}]],
        ["game.paused 1"],
        cursors=IN_FOUR,
    ),
    Scenario(
        "a vote is withdrawn and a game removed",
        [[auth(), subscribed("a:2"), undone("vote.withdrawn", 1, "a:3"), undone("game.removed", 1, "a:4")]],
        ["vote.withdrawn 1", "game.removed 1"],
        cursors=IN_FOUR,
    ),
    Scenario(
        "refused at the handshake, by 429 and 503",
        [[auth("S:4"), started(4)]],
        ["session.started 4"],
        refusals=[429, 503],
    ),
    Scenario(
        "silent: it gives up and comes back",
        [[auth()], [auth("S:4"), started(4), subscribed()]],
        ["session.started 4"],
        ["auth S:3", "auth S:3", "subscribe 4 "],
        ["live", "connecting", "live"],
        speed=10,
    ),
    Scenario(
        "half-open: not even the end is answered",
        [[auth(), freeze], [auth("S:4"), started(4)]],
        ["session.started 4"],
        ["auth S:3", "auth S:3"],
        speed=10,
    ),
    Scenario(
        "opened, and never answered",
        [[gets("auth")], [auth("S:4"), started(4)]],
        ["session.started 4"],
        speed=10,
    ),
    Scenario(
        "a replay that stops",
        [[auth("S:5"), started(4), subscribed("a:0")], [auth("S:5"), subscribed("a:0"), started(5)]],
        ["session.started 4", "session.started 5"],
        ["auth S:3", "subscribe 4 ", "auth S:4"],
        ["catching_up", "connecting", "catching_up"],
        speed=10,
    ),
    Scenario(
        "an old connection is replaced",
        [[auth(), OLD], [auth("S:4"), started(4)]],
        ["session.started 4"],
        ["auth S:3", "auth S:3"],
    ),
    Scenario(
        "the token expires soon: it goes on with another one",
        [
            [
                auth(),
                EXPIRING,
                gets("auth"),
                {"type": "auth_success", "message": "Authenticated", "sub": "bot", "role": "bot"},
                started(4),
            ]
        ],
        ["session.started 4"],
        tokens=["first", "second"],
    ),
    Scenario(
        "the token has expired: it comes back with another one",
        [[auth(), error("token_expired")], [auth("S:4"), started(4)]],
        ["session.started 4"],
        tokens=["first", "second", "third"],
    ),
    Scenario(
        "the token can't be renewed: it goes on with the old one",
        [
            [auth("S:4"), EXPIRING, started(4), subscribed(), hang_up],
            [auth("S:5"), subscribed(), started(5), subscribed()],
        ],
        ["session.started 4", "session.started 5"],
        ["auth S:3", "subscribe 4 ", "auth S:4"],
        tokens=["first", FAILS, FAILS, "second"],
    ),
    Scenario(
        "slow: what takes some seconds is waited for",
        [[late, auth("S:4"), late, started(4), late, subscribed("a:2"), late, HAPPENS]],
        ["session.started 4", "game.added 1"],
        ["auth S:3", "subscribe 4 "],
        speed=10,
    ),
    Scenario(
        "the token is refused",
        [[gets("auth"), {"type": "auth_error", "code": "token_invalid", "message": "The token is damaged."}]],
        [],
        fails="TokenRefused",
    ),
    Scenario("revoked while it listens", [[auth(), error("token_revoked")]], [], fails="TokenRefused"),
    Scenario(
        "revoked before it is back",
        [
            [auth(), hang_up],
            [gets("auth"), error("token_revoked") | {"type": "auth_error"}],
        ],
        [],
        fails="TokenRefused",
    ),
    Scenario(
        "revoked, by what REST says",
        [[auth("S:4")]],
        [],
        pages={NEWEST: 401},
        cursors={},
        fails="TokenRefused",
    ),
    Scenario(
        "revoked, and the token's source has no other one",
        [[auth(), error("token_revoked")]],
        [],
        tokens=["same", "same"],
        fails="TokenRefused",
    ),
    Scenario(
        "revoked: it comes back with another token",
        [[auth(), error("token_revoked")], [auth("S:4"), started(4)]],
        ["session.started 4"],
        tokens=["first", "second", "third"],
    ),
    Scenario(
        "a guest follows its night, and reads nothing else",
        [
            [
                auth("S:7"),
                subscribed("a:2"),
                added(3, "a:3", 4),
                ended("a:4", 4),
                gets("unsubscribe"),
                hang_up,
            ],
            [auth("S:7")],
        ],
        ["snapshot 4", "game.added 3", "session.ended 4"],
        ["auth now", "subscribe 4 now", "unsubscribe 4", "auth S:7"],
        ["live", "connecting", "live"],
        pages=FOR_GUESTS,
        cursors={},
        tokens=[GUEST],
    ),
    Scenario(
        "a guest polls where WebSocket is blocked",
        [[auth("S:7"), subscribed("a:3"), added(4, "a:4", 4)]],
        ["snapshot 4", "game.added 3", "game.added 4"],
        ["auth now", "subscribe 4 a:3"],
        ["polling", "live"],
        pages={
            **FOR_GUESTS,
            polled("/api/sessions/4/events", "now"): events(cursor="a:2"),
            polled("/api/sessions/4/events", "a:2"): events(added(3, "a:3", 4), cursor="a:3"),
            polled("/api/sessions/4/events", "a:3"): events(cursor="a:3"),
        },
        cursors={},
        tokens=[GUEST],
        blocked_until="game.added 3",
        speed=5,
    ),
    Scenario(
        "a token that can't be one is never sent",
        [[]],
        [],
        tokens=["zero\u200bwidth"],
        fails="TokenRefused",
    ),
    Scenario(
        "events of a night are gone",
        [[auth(), subscribed("b:7", recovered=False), added(8, "b:8", 4)]],
        ["gap 4", "snapshot 4", "game.added 8"],
        ["auth S:4", "subscribe 4 a:1"],
        pages={"/api/sessions/4": night(4)},
        cursors=IN_FOUR,
    ),
    Scenario(
        "starts of nights are gone",
        [[auth("T:6", recovered=False), subscribed("b:2"), added(3, "b:3", 6)]],
        ["gap -", "snapshot 6", "game.added 3"],
        ["auth S:3", "subscribe 6 now"],
        pages={NEWEST: nights(night(6), cursor="T:6"), "/api/sessions/6": night(6)},
    ),
    Scenario(
        "a cursor that is damaged",
        [[auth(), refuses("subscribe", "invalid_cursor"), subscribed("b:7"), added(8, "b:8", 4)]],
        ["gap 4", "snapshot 4", "game.added 8"],
        ["auth S:4", "subscribe 4 a:1", "subscribe 4 now"],
        pages={"/api/sessions/4": night(4)},
        cursors=IN_FOUR,
    ),
    Scenario(
        "a night that is not known any more",
        [[auth(), refuses("subscribe", "session_not_found"), started(5)]],
        ["gap 4", "session.started 5"],
        cursors=IN_FOUR,
    ),
    Scenario(
        "refused for the moment: asked again",
        [[auth(), refuses("subscribe", "too_many_frames", retryable=True), subscribed("a:2"), HAPPENS]],
        ["game.added 1"],
        ["auth S:4", "subscribe 4 a:1", "subscribe 4 a:1"],
        cursors=IN_FOUR,
        speed=5,
    ),
    Scenario(
        "WebSocket is blocked: it polls, and is back",
        [[auth("S:4"), subscribed("a:3"), added(2, "a:3", 4)]],
        ["session.started 4", "game.added 1", "game.added 2"],
        ["auth S:4", "subscribe 4 a:2"],
        ["polling", "live"],
        pages={
            polled("/api/sessions", "S:3"): nights(night(4), cursor="S:4"),
            polled("/api/sessions", "S:4"): nights(cursor="S:4"),
            polled("/api/sessions/4/events", ""): events(began(4, "a:1"), HAPPENS, cursor="a:2"),
            polled("/api/sessions/4/events", "a:2"): events(cursor="a:2"),
        },
        blocked_until="game.added 1",
        speed=5,
    ),
    Scenario(
        "polling finds events gone",
        [[auth(), subscribed()]],
        ["gap 4", "snapshot 4", "game.added 8"],
        states=["polling", "live"],
        pages={
            polled("/api/sessions", "S:4"): nights(cursor="S:4"),
            "/api/sessions/4": night(4),
            polled("/api/sessions/4/events", "a:1"): {**events(cursor="b:7"), "recovered": False},
            polled("/api/sessions/4/events", "b:7"): events(added(8, "b:8", 4), cursor="b:8"),
            polled("/api/sessions/4/events", "b:8"): events(cursor="b:8"),
        },
        cursors=IN_FOUR,
        blocked_until="game.added 8",
        speed=5,
    ),
]
