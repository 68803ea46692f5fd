"""A service on 127.0.0.1 that does to each connection what a test tells it to.

Its REST API answers what the test puts into ``pages``; its other half is one behaviour for each connection,
in turn, the last one for all that follow.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.sockets import accept_no_more

LIVE = "/api/sessions/live"
NO_SESSIONS = {"sessions": [], "cursor": "S:0", "recovered": True}
NEWEST = "/api/sessions?newest=100"


@dataclass
class Peer:
    """The service's side of one connection."""

    socket: ServerConnection

    async def gets(self, kind: str) -> Any:
        """Wait for a frame and return it; it has to be of this type."""
        frame = json.loads(await self.socket.recv())
        assert frame["type"] == kind, frame
        return frame

    async def sends(self, *frames: Any) -> None:
        for frame in frames:
            await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def lets_in(self, end: str | None = None, *, recovered: bool = True) -> Any:
        """Answer ``auth``, by default as if nothing had been missed, and return that frame."""
        frame = await self.gets("auth")
        await self.sends(authenticated(frame["since"], end, recovered=recovered))
        return frame

    async def lets_subscribe(self, end: str | None = None, *, recovered: bool = True) -> Any:
        """Answer ``subscribe``, by default as if nothing had been missed, and return that frame."""
        frame = await self.gets("subscribe")
        answer = {"type": "subscribed", "sessionId": frame["sessionId"]}
        place = _place(f"session:{frame['sessionId']}", frame["since"], end, recovered=recovered)
        await self.sends({**answer, **place, "id": frame.get("id")})
        return frame

    async def hangs_up(self) -> None:
        """End the connection as a broken line does."""
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def stays(self) -> None:
        """Keep the connection, and read whatever comes, until the client ends it."""
        async for _ in self.socket:
            pass


Behaviour = Callable[[Peer], Awaitable[None]]


@dataclass
class HostileService:
    """``pages`` maps a path, with or without its query, to what it is answered, or a status to refuse with.

    ``blocked`` refuses every WebSocket, as a proxy would; ``refusals`` are statuses for the next ones.
    """

    behaviours: list[Behaviour]
    pages: dict[str, Any] = field(default_factory=dict)
    blocked: bool = False
    refusals: list[int] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    broken: list[BaseException] = field(default_factory=list)
    _sockets: list[ServerConnection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{LIVE}"

    @property
    def rest_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Self]:
        async with serve(
            self._serve,
            "127.0.0.1",
            0,
            create_connection=self._connection,  # type: ignore[arg-type] # what makes one is as good as its class
            process_request=self._answer,
            ping_interval=None,
            close_timeout=1,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self
            await accept_no_more(server.sockets)
        for socket in self._sockets:  # a request may be under way still, of a bot that has left
            socket.transport.abort()
        await asyncio.gather(*(socket.wait_closed() for socket in self._sockets))
        assert self.broken == []

    def _connection(self, *arguments: Any, **options: Any) -> ServerConnection:
        self._sockets.append(ServerConnection(*arguments, **options))
        return self._sockets[-1]

    async def _serve(self, socket: ServerConnection) -> None:
        behaviour = self.behaviours[min(self.connections, len(self.behaviours) - 1)]
        self.connections += 1
        try:
            await behaviour(Peer(socket))
        except ConnectionClosed:
            return
        except Exception as broken:  # noqa: BLE001 - the test is told at its end
            self.broken.append(broken)

    def _answer(self, _: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == LIVE:
            refusal = self.refusals.pop(0) if self.refusals else 403 if self.blocked else None
            return _response(refusal, {"message": "Forbidden"}) if refusal else None
        self.requests.append(request.path)
        self.tokens.append(request.headers.get("Authorization", ""))
        page = self.pages.get(
            request.path, self.pages.get(path, NO_SESSIONS if path == "/api/sessions" else 404)
        )
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        if isinstance(page, int):
            return _response(page, {"code": "whatever", "detail": "No."})
        return _response(200, page)


def _response(status: int, body: Any) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(data))})
    headers["Connection"] = "close"
    return Response(status, HTTPStatus(status).phrase, headers, data)


async def stays(peer: Peer) -> None:
    """Let a client in and leave it alone."""
    await peer.lets_in()
    await peer.stays()


def authenticated(since: str, end: str | None = None, *, recovered: bool = True) -> dict[str, Any]:
    """Return the answer to ``auth`` where the stream of starts has its end at a cursor."""
    answer = {"type": "auth_success", "message": "Authenticated", "sub": "bot", "role": "bot"}
    answer["expiresAt"] = "2025-11-08T20:00:00.000Z"
    return {**answer, **_place("sessions", since, end, recovered=recovered)}


def started(session_id: int, cursor: str | None = None) -> dict[str, Any]:
    """Return the start of a night, in the stream of all starts."""
    return _started(session_id, "sessions", cursor or f"S:{session_id}")


def began(session_id: int, cursor: str) -> dict[str, Any]:
    """Return the start of a night, in its own stream."""
    return _started(session_id, f"session:{session_id}", cursor)


def _started(session_id: int, stream: str, cursor: str) -> dict[str, Any]:
    session = {"id": session_id, "is_active": 1, "created_at": moment(session_id), "notes": None}
    return _event("session.started", {"session": session}, session_id, stream, cursor)


def added(game: int, cursor: str, session_id: int = 7) -> dict[str, Any]:
    data = {
        "session": {"id": session_id, "is_active": 1, "games_played": game},
        "game": {
            "id": game,
            "title": f"Game {game}",
            "pack_name": None,
            "min_players": None,
            "max_players": None,
        },
    }
    return _event("game.added", data, game, f"session:{session_id}", cursor)


def ended(cursor: str, session_id: int = 7) -> dict[str, Any]:
    data = {"session": night(session_id, active=False)}
    return _event("session.ended", data, 50, f"session:{session_id}", cursor)


def night(session_id: int, *, active: bool = True) -> dict[str, Any]:
    """Return a session as REST shows it."""
    ended_at = None if active else moment(59)
    known = {"id": session_id, "is_active": int(active), "created_at": moment(1), "ended_at": ended_at}
    return {**known, "notes": None, "games_played": 0}


def moment(second: int) -> str:
    return f"2025-11-01T20:00:{second:02}.000Z"


def _event(kind: str, data: Any, second: int, stream: str, cursor: str) -> dict[str, Any]:
    place = {"stream": stream, "sequence": _sequence(cursor), "cursor": cursor}
    return {"type": kind, "timestamp": moment(second), "data": data, **place}


def _place(stream: str, since: str, end: str | None, *, recovered: bool) -> dict[str, Any]:
    end = end or (since if since not in ("", "now") else "new:0")
    cursor = {"": f"{end.partition(':')[0]}:0", "now": end}.get(since if recovered else "now", since)
    place = {"stream": stream, "sequence": _sequence(cursor), "cursor": cursor}
    return {**place, "last": _sequence(end), "recovered": recovered}


def _sequence(cursor: str) -> int:
    """Return the sequence that the cursors of this service hold. A client knows nothing of that."""
    return int(cursor.rpartition(":")[2])


async def never() -> None:
    await asyncio.get_running_loop().create_future()
