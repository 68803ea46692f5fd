"""The clients of all black-box suites: a host over REST, a bot over a WebSocket, and what to wait for.

They know the contract's addresses and frames, and nothing of the product's code. ``specified`` checks what
they send and receive against the target's own documents.
"""

import asyncio
import json
import ssl
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.gateway import ROOT
from tests.leaks import LEAKS
from tests.specified import Live, specifications

PATIENCE_SECONDS = 60.0
"""When what was promised counts as missing; the cold starts of a deployment fit in."""

EVENTS = frozenset(
    {"session.started", "game.added", "game.removed", "vote.received", "vote.withdrawn", "session.ended"}
)


@dataclass(frozen=True, slots=True)
class Target:
    """A running Game Night Live, wherever it is."""

    rest_url: str
    websocket_url: str
    token_command: tuple[str, ...]

    def token(self, role: str = "bot", subject: str | None = None, ttl: int | None = None) -> str:
        """Return a token, minted by the target's own command; the same one for the same question.

        ``ttl`` is in seconds; with one below 0 the token has expired.
        """
        return _minted(self.token_command, role, subject, ttl)

    @asynccontextmanager
    async def host(self, token: str | None) -> AsyncIterator["Host"]:
        """Speak to its REST API with a token, or without."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(
            base_url=self.rest_url,
            headers=headers,
            timeout=PATIENCE_SECONDS,
            verify=_tls(),
            event_hooks={"response": [specifications(self.rest_url).rest.saw]},
        ) as http:
            yield Host(http)

    @asynccontextmanager
    async def bot(self, token: str | None = None) -> AsyncIterator["Bot"]:
        """Connect to its WebSocket API, and authenticate where a token is given."""
        async with connect(self.websocket_url, open_timeout=PATIENCE_SECONDS) as socket:
            bot = Bot(socket, specifications(self.rest_url).live)
            if token is not None:
                await bot.authenticate(token)
            yield bot


@dataclass(frozen=True, slots=True)
class Host:
    """Somebody who starts game nights, and sees them through to their end."""

    http: httpx.AsyncClient

    async def start(self, notes: str | None = None, headers: Mapping[str, str] | None = None) -> Any:
        """Start a session and return it as the answer shows it.

        Where too many start at once, it asks again with the same key, as a client should.
        """
        keyed = {"Idempotency-Key": str(uuid.uuid4()), **(headers or {})}
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await self.post({"notes": notes}, keyed)
            while answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
                await asyncio.sleep(float(answer.headers["Retry-After"]))
                answer = await self.post({"notes": notes}, keyed)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def post(self, body: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Post any JSON to ``/api/sessions``."""
        return await self.http.post("/api/sessions", json=body, headers=headers)

    async def post_text(
        self, text: str | bytes, content_type: str | None = "application/json"
    ) -> httpx.Response:
        """Post any text to ``/api/sessions``, JSON or not."""
        headers = {"Content-Type": content_type} if content_type else {}
        return await self.http.post("/api/sessions", content=text, headers=headers)

    async def send(
        self, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Post any JSON, or nothing at all, to a path."""
        return await self.http.post(path, json=body, headers=headers)

    async def add_game(self, session_id: int, title: str = "Quiplash", **more: object) -> Any:
        """Add a game to a session and return it as the answer shows it."""
        answer = await self.send(f"/api/sessions/{session_id}/games", {"title": title, **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def vote(self, session_id: int, username: str, way: str = "up", **more: object) -> Any:
        """Vote, ``up`` or ``down``, and return the vote once it is counted, as its event shows it."""
        return await self.counted(session_id, await self.cast(session_id, username, way, **more))

    async def cast(self, session_id: int, username: str, way: str = "up", **more: object) -> Any:
        """Vote, and return the vote as the answer shows it: without ``totals`` where it is only stored."""
        body = {"username": username, "type": way, **more}
        answer = await self.send(f"/api/sessions/{session_id}/votes", body)
        vote = answer.json()
        assert answer.status_code == (201 if "totals" in vote else 202), answer.text
        return vote

    async def counted(self, session_id: int, vote: Any) -> Any:
        """Return a vote as its event shows it, once it is counted; one that is only stored soon is."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "totals" not in vote:
                await asyncio.sleep(0.1)
                events = [one["data"] for one in await self.polled(session_id)]
                vote = next((one for one in events if one.get("vote") == vote["vote"]), vote)
        return vote

    async def close(self, session_id: int) -> Any:
        """End a session and return it as the answer shows it."""
        answer = await self.send(f"/api/sessions/{session_id}/close")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def read(self, path: str, **query: str | int) -> Any:
        """Read what is at a path."""
        answer = await self.http.get(
            path, params=query or None
        )  # an empty mapping would drop the query of the path
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def polled(self, session_id: int) -> list[Any]:
        """Return all events of a session, read page by page from the beginning."""
        events, cursor, more = [], "", True
        while more:
            page = await self.read(f"/api/sessions/{session_id}/events", since=cursor, limit=100)
            events += page["events"]
            cursor, more = page["cursor"], page["more"]
        return events


@dataclass(slots=True)
class Bot:
    """A WebSocket connection. ``heard`` holds the text of every event so far, in the order of arrival."""

    socket: ClientConnection
    specified: Live
    heard: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    """Where it is in each stream that it follows with ``since``."""

    async def authenticate(self, token: str) -> Any:
        """Authenticate and return ``auth_success``."""
        answer = await self.ask({"type": "auth", "token": token})
        assert answer["type"] == "auth_success", answer
        return answer

    async def ask(self, frame: object) -> Any:
        """Send a frame, an object or a text, and return the frame that answers it."""
        await self.send(frame)
        answer = await self.answer()
        self.specified.answered(_text(frame), answer)
        return answer

    async def send(self, frame: object) -> None:
        """Send a frame: a text as it is, anything else as JSON."""
        await self.socket.send(_text(frame))

    async def answer(self) -> Any:
        """Return the next frame that is no event."""
        while (frame := await self.next_frame())["type"] in EVENTS:
            pass
        return frame

    async def listen(self) -> None:
        """Wait for one event more."""
        frame = await self.next_frame()
        assert frame["type"] in EVENTS, f"an answer that nobody asked for: {frame}"

    async def next_frame(self) -> Any:
        """Return the next frame, whatever it is."""
        text = await self._frame()
        frame = json.loads(text)
        if frame["type"] in EVENTS:
            self.heard.append(text)
        if "stream" in frame:
            self._is_next(frame)
        return frame

    async def hear_start_of(self, session_id: int) -> str:
        """Return the text of the ``session.started`` of a session, once it has come."""
        while True:
            for text in self.heard:
                if _about(text, start=True) == session_id:
                    return text
            await self.listen()

    async def hear_in(self, session_id: int, count: int) -> list[str]:
        """Return the text of each event ``in_session``, once there are so many."""
        while len(self.in_session(session_id)) < count:
            await self.listen()
        return self.in_session(session_id)

    def in_session(self, session_id: int) -> list[str]:
        """Return the text of each event after a session's start, in the order in which they first came."""
        return list(dict.fromkeys(text for text in self.heard if _about(text, start=False) == session_id))

    @property
    def started(self) -> list[int]:
        """The ids of the sessions that it has heard the start of, in the order of arrival."""
        return [started for text in self.heard if (started := _about(text, start=True)) is not None]

    async def is_closed(self) -> None:
        """Wait until the server has closed the connection, and fail where it sends anything more before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                text = await self.socket.recv()
            except ConnectionClosed:
                return
        raise AssertionError(f"The connection was to be closed, but this came: {text!r}")

    def _is_next(self, frame: Any) -> None:
        """Fail where events of a stream come with a hole, or before what they follow."""
        stream, place = frame["stream"], frame["sequence"]
        if frame["type"] in EVENTS:
            before = self.places.get(stream, 0)
            assert place <= before + 1, f"after event {before} of {stream} came event {place}: {self.heard}"
            place = max(place, before)
        self.places[stream] = place

    async def _frame(self) -> str:
        async with asyncio.timeout(PATIENCE_SECONDS):
            text = await self.socket.recv()
        assert isinstance(text, str), f"a binary frame: {text!r}"
        self.specified.told(text)
        return text


Connect = Callable[..., Awaitable[Bot]]
"""Connects a bot, authenticated where a token is given; what the fixture ``connected`` is."""


def _text(frame: object) -> str:
    return frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False)


def _about(text: str, *, start: bool) -> int | None:
    """Return the session of an event, if that is a start or is none, as asked."""
    event = json.loads(text)
    session_id: int = event["data"]["session"]["id"]
    return session_id if (event["type"] == "session.started") is start else None


@cache
def _minted(command: tuple[str, ...], role: str, subject: str | None, ttl: int | None) -> str:
    asked = [*command, "--role", role]
    asked += ["--sub", subject] if subject is not None else []
    asked += ["--ttl", str(ttl)] if ttl is not None else []
    minted = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    LEAKS.remember(minted, "a minted token")
    return minted


@cache
def _tls() -> ssl.SSLContext:
    """Return what every client verifies servers with; it takes long enough to make that it is made once."""
    return ssl.create_default_context()
