"""A Game Night Live on 127.0.0.1 that a test scripts.

Each connection goes through the next script, a list of steps: a frame to send, or what to do. The last script
is that of all connections that follow. After its steps a connection stays until the client ends it.
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

from tests.bots.listening import PATIENCE_SECONDS
from tests.sockets import accept_no_more

LIVE = "/api/sessions/live"
NEWEST = "/api/sessions?newest=100"
CODES = {401: "token_revoked", 403: "forbidden"}


@dataclass
class Connection:
    """The server's side. ``frame`` is what the client has said last."""

    socket: ServerConnection
    asked: "asyncio.Queue[Any]"
    frame: Any = None

    async def gets(self, kind: str) -> Any:
        self.frame = json.loads(await self.socket.recv())
        assert self.frame["type"] == kind, self.frame
        self.asked.put_nowait(self.frame)
        return self.frame

    async def sends(self, frame: Any) -> None:
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))


Step = dict[str, Any] | str | bytes | Callable[[Connection], Awaitable[Any]]
Script = list[Step]


def auth(end: str | None = None, *, recovered: bool = True) -> Step:
    """Answer ``auth``, by default as if nothing had been missed."""
    return _answers("auth", lambda frame: authenticated(frame["since"], end, recovered=recovered))


def subscribed(end: str | None = None, *, recovered: bool = True) -> Step:
    """Answer ``subscribe``, by default as if nothing had been missed."""

    def answer(frame: Any) -> dict[str, Any]:
        place = _place(f"session:{frame['sessionId']}", frame["since"], end, recovered=recovered)
        return {"type": "subscribed", "sessionId": frame["sessionId"], "id": frame.get("id"), **place}

    return _answers("subscribe", answer)


def refuses(kind: str, code: str, *, retryable: bool = False) -> Step:
    """Answer a frame with an error."""
    return _answers(kind, lambda frame: error(code, retryable=retryable) | {"id": frame.get("id")})


def gets(kind: str) -> Step:
    """Wait for a frame, which has to be of this type, and answer nothing."""
    return lambda connection: connection.gets(kind)


def _answers(kind: str, answer: Callable[[Any], dict[str, Any]]) -> Step:
    async def step(connection: Connection) -> None:
        await connection.sends(answer(await connection.gets(kind)))

    return step


def error(code: str, *, retryable: bool = False) -> dict[str, Any]:
    return {"type": "error", "code": code, "message": "No.", "retryable": retryable}


async def hang_up(connection: Connection) -> None:
    """End the connection as a broken line does."""
    connection.socket.transport.abort()
    await connection.socket.wait_closed()


@dataclass
class Server:
    """``pages`` maps a path, with or without its query, to what it answers, or a status to refuse with.

    ``blocked`` refuses every WebSocket, as a proxy would; ``refusals`` are statuses for the next ones.
    """

    scripts: list[Script]
    pages: dict[str, Any] = field(default_factory=dict)
    blocked: bool = False
    refusals: list[int] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    tokens: list[str] = field(default_factory=list)
    _asked: "asyncio.Queue[Any]" = field(default_factory=asyncio.Queue)
    _broken: list[BaseException] = field(default_factory=list)
    _sockets: list[ServerConnection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{LIVE}"

    async def asked_frame(self) -> Any:
        """Return the next frame that a step has waited for."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._asked.get()

    async def asked(self, count: int = 1) -> list[str]:
        """Return the next such frames in short, such as ``subscribe 7 a:2``."""
        frames = [await self.asked_frame() for _ in range(count)]
        shown = ("type", "sessionId", "since")
        return [" ".join(str(frame[name]) for name in shown if name in frame) for frame in frames]

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
        assert self._broken == []

    def _connection(self, *arguments: Any, **options: Any) -> ServerConnection:
        self._sockets.append(ServerConnection(*arguments, **options))
        return self._sockets[-1]

    async def _serve(self, socket: ServerConnection) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        connection = Connection(socket, self._asked)
        try:
            for step in script:
                await (step(connection) if callable(step) else connection.sends(step))
            async for _ in socket:
                pass
        except ConnectionClosed:
            return
        except Exception as broken:  # noqa: BLE001 - the test is told at its end
            self._broken.append(broken)

    def _answer(self, _: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == LIVE:
            refusal = self.refusals.pop(0) if self.refusals else 403 if self.blocked else None
            return _response(refusal, {"message": "Forbidden"}) if refusal else None
        self.tokens.append(request.headers.get("Authorization", ""))
        empty = {"sessions": [], "cursor": "S:0", "recovered": True}
        page = self.pages.get(request.path, self.pages.get(path, empty if path == "/api/sessions" else 404))
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        if type(page) is int:
            return _response(page, {"code": CODES.get(page, "any"), "detail": "No."})
        return _response(200, page)


def _response(status: int, body: Any) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), "Connection": "close"}
    return Response(status, HTTPStatus(status).phrase, Headers(headers), data)


def authenticated(since: str, end: str | None = None, *, recovered: bool = True) -> dict[str, Any]:
    """Return the answer to ``auth`` where the stream of starts has its end at a cursor."""
    claims = {"sub": "bot", "role": "bot", "expiresAt": "2025-11-08T20:00:00.000Z"}
    place = _place("sessions", since, end, recovered=recovered)
    return {"type": "auth_success", "message": "Authenticated", **claims, **place}


def started(session_id: int, cursor: str | None = None) -> dict[str, Any]:
    """Return the start of a night, in the stream of all starts."""
    session = {"id": session_id, "is_active": 1, "created_at": moment(session_id), "notes": None}
    data = {"session": session}
    return _event("session.started", data, session_id, "sessions", cursor or f"S:{session_id}")


def began(session_id: int, cursor: str) -> dict[str, Any]:
    """Return the start of a night, in its own stream."""
    place = {"stream": f"session:{session_id}", "sequence": _sequence(cursor), "cursor": cursor}
    return started(session_id) | place


def added(game: int, cursor: str, session_id: int = 7) -> dict[str, Any]:
    unknown = {"pack_name": None, "min_players": None, "max_players": None}
    session = {"id": session_id, "is_active": 1, "games_played": game}
    data = {"session": session, "game": {"id": game, "title": f"Game {game}", **unknown}}
    return _event("game.added", data, game, f"session:{session_id}", cursor)


def undone(kind: str, game: int, cursor: str, session_id: int = 4) -> dict[str, Any]:
    """Return the removal of a game, or the withdrawal of a vote for it."""
    session = {"id": session_id, "is_active": 1, "games_played": 0}
    vote = {"vote": {"username": "alice", "timestamp": moment(1)}} if kind == "vote.withdrawn" else {}
    data = {"session": session, "game": {"id": game, "title": f"Game {game}"}, **vote}
    return _event(kind, data, game, f"session:{session_id}", cursor)


def ended(cursor: str, session_id: int = 7) -> dict[str, Any]:
    data = {"session": night(session_id, active=False)}
    return _event("session.ended", data, 50, f"session:{session_id}", cursor)


def night(session_id: int, *, active: bool = True) -> dict[str, Any]:
    """Return a session as REST shows it."""
    known = {"id": session_id, "is_active": int(active), "created_at": moment(1), "notes": None}
    return known | {"ended_at": None if active else moment(59), "games_played": 0, "games": []}


def nights(*found: Any, cursor: str) -> dict[str, Any]:
    """Return a page of sessions."""
    return {"sessions": [*found], "cursor": cursor, "recovered": True}


def events(*found: Any, cursor: str) -> dict[str, Any]:
    """Return a page of a session's events."""
    return {"events": [*found], "cursor": cursor, "recovered": True, "more": False}


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
