"""Game Night Live for bots: every event of every night, once and in order, whatever the network does.

    async for event in GameNight("http://localhost:5000", token).events():
        print(event.type, event.data)

One file, to be installed (``pip install ./bots``) or copied into a bot; it needs Python 3.11 or newer and
``websockets``, nothing else. It connects, authenticates, follows every night, resumes where it was after a
break, polls where WebSockets are blocked, and says what it does on the logger ``gamenight``. What it promises
is what the service's contract lets a client promise; what is done about an event is the bot's.
"""

import asyncio
import concurrent.futures
import inspect
import json
import logging
import random
import re
import threading
import time
import unicodedata
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException, InvalidURL
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

__version__ = "1.0.0"
__all__ = [
    "CursorStore",
    "Event",
    "FileCursors",
    "GameNight",
    "GameNightError",
    "MemoryCursors",
    "NoCursors",
    "Refused",
    "Surroundings",
    "Token",
    "TokenRefused",
    "WrongAddress",
    "in_a_thread",
]

logger = logging.getLogger("gamenight")

_wire_logger = logging.getLogger("gamenight.websocket")
_wire_logger.setLevel(logging.INFO)  # below that, websockets logs every frame, and the first holds the token

Token = str | Callable[[], str | Awaitable[str]]
"""A token, or what returns one: a plain function (called in a thread, so it may block) or an async one."""

T = TypeVar("T")

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 60.0
"""Before the nth attempt in a row, a random share of ``FIRST_DELAY_SECONDS`` doubled n-1 times is waited."""

PING_SECONDS = 25.0
"""After this much silence the service is asked whether it is there. API Gateway closes after ten minutes, but
proxies after one, by nginx's default, and some after half of one."""

PONG_SECONDS = 20.0
"""And when it has said nothing for this long after that, the connection is dead."""

STALLED_SECONDS = 30.0
"""How long an answer, or the next event of a replay, may be missing before the connection is given up."""

AGAIN_SECONDS = 9.0
"""What was refused for the moment, such as one frame too many, is asked again after ``FIRST_DELAY_SECONDS``
and a random share of this: fifty nights that are refused at once don't come back at once."""

LATEST_RECONNECT_MILLISECONDS = 300_000
"""The contract's bound of ``afterMs``."""

OPEN_SECONDS = 15.0
REQUEST_SECONDS = 10.0
"""Of silence. A request as a whole may take ``ANSWER_SECONDS``, however slowly its answer trickles in."""

ANSWER_SECONDS = 25.0
REQUEST_ATTEMPTS = 4

PAGE = 100
"""The most entries of one page, which is the contract's bound as well."""

ACTIVE_NIGHTS = 10
"""A bot without a position is told of so many active nights at most: the newest, among the last ``PAGE``."""

MOST_NIGHTS = 50
"""A connection may subscribe to so many. Nights that nobody ends add up, and the oldest are given up."""

WAITING_EVENTS = 1000
"""So many events may wait for a bot that is slow. Then nothing more is read until it has caught up."""

_SESSIONS = "sessions"
"""The stream of all starts. ``session:17`` is that of one night."""

_NIGHT = re.compile(r"session:([1-9][0-9]{0,14})")

_NOW = "now"
"""The cursor of a stream without a position: whoever asks from it is told the stream's end."""

LIVE_PATH = "/api/sessions/live"


class GameNightError(Exception):
    """What a bot can't go on from by itself. The message says what happened and what to do."""


class TokenRefused(GameNightError):
    """There is no token that the service accepts: it refuses the one it got, or none could be sent."""


class WrongAddress(GameNightError):
    """There is no Game Night Live at this address."""


class NoCursors(GameNightError):
    """The file that was named for positions can't be one: it holds something else, or has no folder."""


class Refused(GameNightError):
    """The service has answered a request with an error. ``code`` is stable, ``detail`` is for people."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{detail} (HTTP {status}, {code})")
        self.status = status
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    ``type`` and ``data`` are the service's, as its documentation shows them: ``session.started``,
    ``game.added``, ``vote.received``, ``session.ended``, and whatever is added to them later. Two types are
    made here, so that a bot can tell what it may have missed:

    - ``snapshot``: a night as it is now, with its games, in ``data["session"]``; instead of its past events.
      It comes for the active nights when a bot starts without a position, and after each ``gap``.
    - ``gap``: events were missed and can't be had any more, of the night in ``data["session"]``, or where
      that is None, starts of nights. Without a snapshot after it, the night is followed no more.
    """

    type: str
    timestamp: str
    data: Mapping[str, Any]

    @property
    def session_id(self) -> int | None:
        """The night that it belongs to; None only for a ``gap`` among the starts of nights."""
        session = self.data.get("session")
        return session["id"] if isinstance(session, dict) else None


class CursorStore(Protocol):
    """Where a bot's positions are kept while it is not running. Both methods may be async."""

    def load(self) -> Mapping[str, str] | Awaitable[Mapping[str, str]]:
        """Return what was saved last; nothing at the first start."""
        ...

    def save(self, cursors: Mapping[str, str]) -> Awaitable[None] | None:
        """Keep all positions. Called after each event, once the bot has asked for the next one."""
        ...


@dataclass(slots=True)
class MemoryCursors:
    """Positions for as long as the process lives: breaks are survived, restarts are not."""

    cursors: dict[str, str] = field(default_factory=dict)

    def load(self) -> Mapping[str, str]:
        """Return the positions."""
        return self.cursors

    def save(self, cursors: Mapping[str, str]) -> None:
        """Keep the positions."""
        self.cursors = dict(cursors)


@dataclass(frozen=True, slots=True)
class FileCursors:
    """Positions in a small JSON file, which is replaced as a whole and so is never half written."""

    path: Path

    def load(self) -> Mapping[str, str]:
        """Return what the file holds; an empty one, as a power cut leaves, is as none.

        Raises NoCursors where it holds something else: it is somebody's, and saving would replace it.
        """
        if not self.path.absolute().parent.is_dir():
            raise NoCursors(
                f"The cursors can't be kept in {self.path}: there is no folder {self.path.parent}. "
                "Make it, or name another file."
            )
        try:
            text = self.path.read_bytes().strip(b"\0 \r\n\t")
            cursors = json.loads(text) if text else None
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError):
            raise self._not_ours() from None
        if cursors is None and not text:
            logger.warning("%s is empty; starting from now on", self.path)
            return {}
        if not isinstance(cursors, dict) or not all(
            (key == _SESSIONS or _NIGHT.fullmatch(key)) and isinstance(value, str)
            for key, value in cursors.items()
        ):
            raise self._not_ours()
        return cursors

    def save(self, cursors: Mapping[str, str]) -> None:
        """Replace the file."""
        scratch = self.path.with_name(f"{self.path.name}.new")
        scratch.write_text(json.dumps(cursors, indent=1))
        scratch.replace(self.path)

    def _not_ours(self) -> NoCursors:
        return NoCursors(
            f"{self.path} does not hold cursors, and is left as it is. Name another file; or remove this "
            "one, if it is a damaged one of this bot's, to start from now on."
        )


class Surroundings:
    """Time, chance and new ids; a test brings its own."""

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def share(self) -> float:
        """Return a random part of 1."""
        return random.random()  # noqa: S311 - it spreads reconnects, it guards nothing

    def new_id(self) -> str:
        """Return an id that nobody has used."""
        return str(uuid.uuid4())


class GameNight:
    """A game night service, as a bot uses it.

    ``url`` is where ``/api`` is, such as ``http://localhost:5000`` or ``https://....amazonaws.com/dev``; the
    WebSocket's address is asked there, unless ``websocket_url`` says it. A ``ws://`` address that ends as the
    local one does (``/api/sessions/live``) will do as well. With a function as ``token`` the token is
    refreshed in time. ``cursors`` is a file's path or a ``CursorStore``: without one, a bot that is started
    again hears what happens from then on. ``poll_seconds`` is how often is read while there is no WebSocket.
    """

    def __init__(  # noqa: PLR0913 - two say where and who; the others are a bot's to leave out
        self,
        url: str,
        token: Token,
        *,
        cursors: CursorStore | str | Path | None = None,
        websocket_url: str | None = None,
        poll_seconds: float = 5.0,
        surroundings: Surroundings | None = None,
    ) -> None:
        rest_url, self._websocket_url = _addresses(url, websocket_url)
        self._surroundings = surroundings or Surroundings()
        self._tokens = _Tokens(token, self._surroundings)
        self._rest = _Rest(rest_url, self._tokens, self._surroundings)
        self._store = FileCursors(Path(cursors)) if isinstance(cursors, str | Path) else cursors
        self._poll_seconds = poll_seconds
        self._book = _Book()
        self._waiting: asyncio.Queue[_Delivery] = asyncio.Queue(WAITING_EVENTS)
        self._listening = False
        self._reached = False
        self._progress = False
        self._polling = False
        self._told: set[str] = set()

    async def events(self) -> AsyncIterator[Event]:
        """Yield what happens, from the stored position on, for as long as the bot wants.

        Asking for the next event says that the last one has been dealt with: only then its position is
        saved. So an event that a bot was killed over comes again, and none is lost. Raises TokenRefused,
        WrongAddress and NoCursors, which only a person can do something about; everything else is tried
        again.
        """
        if self._listening:
            raise RuntimeError("This GameNight is listening already; make another one to listen twice.")
        store = self._store = self._store or MemoryCursors()
        stored = await _awaited(store.load())
        self._book = _Book.of(stored)
        cursors = {key: cursor for key, cursor in stored.items() if key in self._book.streams}
        self._listening = True
        pump = asyncio.create_task(self._pump(), name="gamenight")
        try:
            while True:
                delivery = await self._next(pump)
                if delivery.event is not None:
                    yield delivery.event
                for key, cursor in delivery.cursors.items():
                    if cursor is None:
                        cursors.pop(key, None)
                    else:
                        cursors[key] = cursor
                await _awaited(store.save(cursors))
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            self._waiting = asyncio.Queue(WAITING_EVENTS)
            self._listening = False

    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make a REST request, such as ``("GET", "/api/sessions/17")``, and return the answer.

        What fails for a moment is tried again; a POST carries an idempotency key, so that it is done once.
        Raises Refused, TokenRefused, and OSError where the service can't be reached.
        """
        return await self._rest.request(method, path, body, attempts=REQUEST_ATTEMPTS)

    async def session(self, session_id: int) -> Any:
        """Return a night with its games and their totals. Raises as ``request`` does."""
        return await self.request("GET", f"/api/sessions/{session_id}")

    async def vote(
        self, session_id: int, username: str, vote: Literal["up", "down"], game_id: int | None = None
    ) -> Any:
        """Vote for the newest game of a night, or for another one, and return the vote.

        In a crowd it comes without ``totals``: it is counted in a moment. Raises as ``request`` does; Refused
        with the code ``no_game`` or ``session_closed`` where nobody can vote now.
        """
        body = {"username": username, "type": vote, **({} if game_id is None else {"game_id": game_id})}
        return await self.request("POST", f"/api/sessions/{session_id}/votes", body)

    async def _next(self, pump: "asyncio.Task[None]") -> "_Delivery":
        getting = asyncio.ensure_future(self._waiting.get())
        try:
            await asyncio.wait({getting, pump}, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
        finally:
            getting.cancel()
        await pump
        raise AssertionError("the pump ends by raising")

    async def _pump(self) -> None:
        """Keep a connection, or poll in between, until something is wrong that stays wrong."""
        failures = 0
        while True:
            self._progress = False
            try:
                await self._listen()
            except (_Dropped, OSError, WebSocketException) as problem:
                failures = 1 if self._progress else failures + 1
                delay = self._delay(failures)
                self._told.add(said := _said(problem))
                logger.warning("the connection is lost (%s); next attempt in %.1f s", said, delay)
                # A break is short. Two in a row may be a proxy that lets no WebSocket through.
                await (self._poll_for(delay) if failures > 1 else self._surroundings.sleep(delay))
            else:
                failures = 0 if self._progress else failures + 1
                await self._surroundings.sleep(self._delay(failures) if failures else 0)

    def _delay(self, failures: int) -> float:
        longest: float = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(failures - 1, 16))
        return self._surroundings.share() * longest

    async def _listen(self) -> None:
        """Be connected until the service asks for another connection. Raises what ended it otherwise."""
        url = self._websocket_url or await self._discovered()
        token = await self._tokens.fresh()
        opening = connect(
            url,
            open_timeout=None,
            close_timeout=1,
            ping_interval=None,
            logger=_wire_logger,
            proxy=None if _is_loopback(url) else True,
        )
        try:
            socket = await _within(self._surroundings, _opened(opening), OPEN_SECONDS)
        except ImportError as missing:  # only where the environment names a SOCKS proxy
            raise _Dropped(f"{missing}: pip install 'python-socks[asyncio]'") from missing
        connection = _Connection(
            socket=socket,
            book=self._book,
            surroundings=self._surroundings,
            tokens=self._tokens,
            deliver=self._deliver,
            restore=self._restore,
        )
        try:
            logger.info("connected to %s", url)
            self._told.clear()
            await connection.run(token)
        finally:
            self._progress |= connection.useful
            self._reached |= connection.authenticated
            self._polling &= not connection.authenticated
            connection.stop()
            await socket.close()

    async def _discovered(self) -> str:
        try:
            described = await self._rest.request("GET", "/api", attempts=1)
            url = described["websocket_url"]
        except Refused as refused:
            if refused.status >= 500 or self._reached:  # noqa: PLR2004 - the service's own trouble
                raise _Dropped(str(refused)) from refused
            raise self._rest.wrong_address() from refused
        except (KeyError, TypeError) as wrong:
            raise self._rest.wrong_address() from wrong
        self._reached = True
        if not isinstance(url, str) or not _is_websocket(url):
            raise WrongAddress(
                f"{self._rest.url}/api names {url!r} as its WebSocket's address, which is none. "
                "Pass websocket_url."
            )
        self._websocket_url = url
        return url

    async def _deliver(self, deliveries: "list[_Delivery]") -> None:
        for delivery in deliveries:
            self._progress = True
            await self._waiting.put(delivery)

    async def _poll_for(self, seconds: float) -> None:
        """Read over REST what a connection would have brought, for a while."""
        until = self._surroundings.monotonic() + seconds
        while True:
            try:
                await self._poll()
            except Refused as refused:
                if refused.status == 404 and not self._reached:  # noqa: PLR2004 - not found
                    raise self._rest.wrong_address() from refused
                self._tell_once(_said(refused))
            except (_Dropped, OSError) as problem:
                self._tell_once(_said(problem))
            else:
                self._reached = True
                self._told.clear()
                if not self._polling:
                    self._polling = True
                    logger.warning("no WebSocket for now; polling every %g s", self._poll_seconds)
            left = until - self._surroundings.monotonic()
            if left <= 0:
                return
            await self._surroundings.sleep(min(self._poll_seconds, left))

    def _tell_once(self, reason: str) -> None:
        """Tell why polling fails, but not what has been told since something last worked."""
        if reason not in self._told:
            self._told.add(reason)
            logger.warning("polling failed: %s", reason)

    async def _poll(self) -> None:
        with _expected_shape():
            await self._poll_streams()

    async def _poll_streams(self) -> None:
        while await self._poll_page(_SESSIONS, "/api/sessions", "sessions"):
            pass
        for key in [key for key in self._book.streams if key != _SESSIONS]:
            path = f"/api/sessions/{_id(key)}/events"
            while key in self._book.streams and await self._poll_page(key, path, "events"):
                pass

    async def _poll_page(self, key: str, path: str, entries: str) -> bool:
        """Read a page of a stream; say whether there may be another one."""
        stream = self._book.streams[key]
        since = stream.cursor
        try:
            page = await self._rest.request(
                "GET", f"{path}?since={quote(since, safe='')}&limit={PAGE}", attempts=1
            )
        except Refused as refused:
            if refused.code == "session_not_found":
                await self._deliver(self._book.vanished(key, self._surroundings.now()))
                return False
            if refused.code == "invalid_cursor" and since != _NOW:
                stream.lose()
                return True
            raise
        end, found = str(page["cursor"]), page[entries]
        if since == _NOW or not page["recovered"]:
            await self._restore(key, _Place(key, 0, end))
            return False
        for nth, entry in enumerate(found, 1):
            frame = entry if key != _SESSIONS else _start(entry, end if nth == len(found) else since)
            place = _place(frame)
            if place is None:
                raise ValueError("an event does not say where it is")
            await self._deliver(self._book.take(place, _event(frame)))
        stream.cursor = end
        return len(found) == PAGE

    async def _restore(self, key: str, place: "_Place") -> None:
        """Tell the bot what it may have missed, and how things are instead; go on from there.

        Raises _Dropped. Then the stream has no position until the next connection, or poll.
        """
        self._book.streams[key].lose()
        logger.info("reading the state of %s instead of its past", _named(key))
        try:
            with _expected_shape():
                await (self._restore_sessions(place) if key == _SESSIONS else self._restore_session(place))
        except Refused as refused:
            raise _Dropped(str(refused)) from refused

    async def _restore_sessions(self, place: "_Place") -> None:
        stream = self._book.streams[_SESSIONS]
        page = await self._rest.request("GET", f"/api/sessions?newest={PAGE}")
        newest_first = page["sessions"]
        if not place.sequence:  # polled, and so unknown
            place = _Place(_SESSIONS, newest_first[0]["id"] if newest_first else 0, str(page["cursor"]))
        # A night that started since is left to its session.started, which is to come.
        before = [session for session in reversed(newest_first) if session["id"] <= place.sequence]
        active = [_key(session["id"]) for session in before if session["is_active"]]
        unknown = [key for key in active[-ACTIVE_NIGHTS:] if key not in self._book.streams]
        new = unknown[max(0, len(unknown) - self._book.room) :]
        for key in new:
            self._book.follow(key, _Stream(_NOW))
        gap = _own_event("gap", None, self._surroundings.now()) if stream.owes_gap else None
        stream.move(place)
        await self._deliver([_Delivery(gap, {_SESSIONS: place.cursor, **dict.fromkeys(new, _NOW)})])

    async def _restore_session(self, place: "_Place") -> None:
        key, number, now = place.stream, _id(place.stream), self._surroundings.now()
        stream = self._book.streams[key]
        try:
            session = await self.session(number)
        except Refused as refused:
            if refused.code != "session_not_found":
                raise
            await self._deliver(self._book.vanished(key, now))
            return
        if stream.owes_gap:
            await self._deliver([_Delivery(_own_event("gap", {"id": number}, now), {})])
        stream.move(place)
        ended = not session["is_active"]
        await self._deliver(
            [_Delivery(_own_event("snapshot", session, now), {key: None if ended else place.cursor})]
        )
        if ended:
            self._book.forget(key)


class _Dropped(Exception):
    """The connection is of no use any more; another one may be."""


class _Passing(Exception):
    """A problem that the next attempt may not have."""

    def __init__(self, problem: Exception) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Place(NamedTuple):
    """Where a client is once it has a frame, as the frame says."""

    stream: str
    sequence: int
    cursor: str


class _Delivery(NamedTuple):
    """An event for the bot, or none, and the positions once it is dealt with (None: forget the stream)."""

    event: Event | None
    cursors: Mapping[str, str | None]


@dataclass(slots=True)
class _Stream:
    """Where a bot is in a stream of events.

    ``cursor`` is what it comes back with, and "now" as long as it has no position. ``sequence`` is 0 until a
    frame has told it. ``owes_gap`` says that a position was lost and the bot has not been told.
    """

    cursor: str = ""
    sequence: int = 0
    owes_gap: bool = False

    def move(self, place: _Place) -> None:
        """Go on from a place."""
        self.cursor, self.sequence, self.owes_gap = place.cursor, place.sequence, False

    def lose(self) -> None:
        """Forget a position that is worth nothing any more."""
        self.cursor, self.sequence, self.owes_gap = _NOW, 0, self.owes_gap or self.cursor != _NOW


@dataclass(slots=True)
class _Book:
    """All streams that a bot follows, by the key that their positions are stored under.

    ``to_ask`` are the keys of those that a connection has to ask for, ``to_leave`` of those it is done with.
    """

    streams: dict[str, _Stream] = field(default_factory=dict)
    to_ask: list[str] = field(default_factory=list)
    to_leave: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, cursors: Mapping[str, str]) -> "_Book":
        """Return the book of stored positions; the stream of nights is always in it."""
        newest = sorted((key for key in cursors if _NIGHT.fullmatch(key)), key=_id)[-MOST_NIGHTS:]
        streams = {key: _Stream(cursors[key]) for key in newest}
        return cls({_SESSIONS: _Stream(cursors.get(_SESSIONS, _NOW)), **streams})

    @property
    def room(self) -> int:
        """How many nights more can be followed."""
        return MOST_NIGHTS - len(self.streams) + 1  # one of the streams is that of all nights

    def follow(self, key: str, stream: _Stream) -> None:
        self.streams[key] = stream
        self.to_ask.append(key)
        logger.info("following %s", _named(key))

    def forget(self, key: str) -> None:
        del self.streams[key]
        self.to_leave.append(key)

    def take(self, place: _Place, event: Event | None) -> list[_Delivery]:
        """Return what is due to the bot now that an event has come; nothing where it came before."""
        stream = self.streams.get(place.stream)
        if stream is None or place.sequence <= stream.sequence:
            return []
        stream.move(place)
        happened = self._started if place.stream == _SESSIONS else self._happened
        return list(happened(place, event))

    def vanished(self, key: str, now: datetime) -> list[_Delivery]:
        """Forget a session that the service does not know any more."""
        self.streams.pop(key, None)
        return [_Delivery(_own_event("gap", {"id": _id(key)}, now), {key: None})]

    def _started(self, place: _Place, event: Event | None) -> Iterator[_Delivery]:
        night = _key(event.session_id) if event else ""
        if not event or night in self.streams:
            yield _Delivery(event, {_SESSIONS: place.cursor})
            return
        # From its beginning: what happened before it is subscribed to is in the replay.
        self.follow(night, _Stream())
        yield _Delivery(event, {_SESSIONS: place.cursor, night: ""})
        if self.room < 0:
            oldest = min((key for key in self.streams if key != _SESSIONS), key=_id)
            logger.warning("giving up %s, the oldest of too many that have not ended", _named(oldest))
            self.forget(oldest)
            yield _Delivery(Event("gap", event.timestamp, {"session": {"id": _id(oldest)}}), {oldest: None})

    def _happened(self, place: _Place, event: Event | None) -> Iterator[_Delivery]:
        if event and event.type == "session.started":
            yield _Delivery(None, {place.stream: place.cursor})  # the stream of nights brings it
        elif event and event.type == "session.ended":
            self.forget(place.stream)
            yield _Delivery(event, {place.stream: None})
        else:
            yield _Delivery(event, {place.stream: place.cursor})


Deliver = Callable[[list[_Delivery]], Awaitable[None]]
Restore = Callable[[str, _Place], Awaitable[None]]


@dataclass(slots=True)
class _CatchUp:
    """What a connection waits for on a stream: the answer, then the events up to ``last``.

    ``moved_at`` is when something came; ``again_at`` when to ask again, after a refusal that may pass.
    """

    moved_at: float
    last: int | None = None
    again_at: float | None = None


@dataclass(slots=True, kw_only=True)
class _Connection:
    """What is said on one connection, from its first frame to its end.

    ``useful`` says whether it has lived for a while, which is what shows that connecting is worth it.
    ``waited`` is how long it has waited for frames: a bot that is slow makes no connection stall.
    """

    socket: ClientConnection
    book: _Book
    surroundings: Surroundings
    tokens: "_Tokens"
    deliver: Deliver
    restore: Restore
    token: str = ""
    authenticated: bool = False
    useful: bool = False
    opened_at: float = 0.0
    heard_at: float = 0.0
    pinged_at: float | None = None
    reconnect_at: float | None = None
    reading: "asyncio.Future[str | bytes] | None" = None
    catching_up: dict[str, _CatchUp] = field(default_factory=dict)
    waited: float = 0.0

    async def run(self, token: str) -> None:
        """Listen. Returns when the service wants another connection to be opened; raises _Dropped."""
        self.token = token
        self.opened_at = self.heard_at = self.surroundings.monotonic()
        self.book.to_ask, self.book.to_leave = [_SESSIONS], []
        while True:
            await self._ask_and_leave()
            wait = await self._keep_time()
            if wait is None:
                return
            began = self.surroundings.monotonic()
            frame = await self._frame(wait)
            now = self.surroundings.monotonic()
            self.waited += now - began
            if frame is not None:
                self.heard_at, self.pinged_at = now, None
                await self._handle(frame)

    def stop(self) -> None:
        """Wait for no more frame; what the last wait ended with does not matter any more."""
        if self.reading and not self.reading.cancel() and not self.reading.cancelled():
            self.reading.exception()

    async def _ask_and_leave(self) -> None:
        leaving, self.book.to_leave = self.book.to_leave, []
        for key in leaving:
            self.catching_up.pop(key, None)
            await self._send({"type": "unsubscribe", "sessionId": _id(key)})
        asking, self.book.to_ask = self.book.to_ask, []
        for key in asking:
            if key in self.book.streams:
                await self._ask(key)

    async def _ask(self, key: str) -> None:
        if key != _SESSIONS and not self.authenticated:
            return  # auth_success asks for all of them
        self.catching_up.setdefault(key, _CatchUp(self.waited)).again_at = None
        since = self.book.streams[key].cursor
        if key == _SESSIONS:
            await self._send({"type": "auth", "token": self.token, "since": since, "id": key})
        else:
            await self._send({"type": "subscribe", "sessionId": _id(key), "since": since, "id": key})

    async def _send(self, frame: Mapping[str, Any]) -> None:
        await self.socket.send(json.dumps(frame))

    async def _keep_time(self) -> float | None:
        """Do what is due by now; return how long there is nothing to do, None when it is time to leave."""
        now = self.surroundings.monotonic()
        self.useful |= self.authenticated and now - self.opened_at >= PING_SECONDS
        if self.reconnect_at is not None and now >= self.reconnect_at:
            logger.info("the service asked for a new connection")
            return None
        if self.pinged_at is None and not self.catching_up and now - self.heard_at >= PING_SECONDS:
            self.pinged_at = now
            await self._send({"type": "ping"})
        elif self.pinged_at is not None and now - self.pinged_at >= PONG_SECONDS:
            raise _Dropped(f"nothing was heard for {now - self.heard_at:.0f} s")
        for key, catch_up in self.catching_up.items():
            if self.waited - catch_up.moved_at >= STALLED_SECONDS:
                raise _Dropped(f"{_named(key)} did not come within {STALLED_SECONDS:g} s")
            if catch_up.again_at is not None and now >= catch_up.again_at:
                await self._ask(key)
        return min(self._deadlines(now)) - now

    def _deadlines(self, now: float) -> Iterator[float]:
        if self.pinged_at is not None:
            yield self.pinged_at + PONG_SECONDS
        elif not self.catching_up:  # what is to come has a time limit of its own
            yield max(now, self.heard_at + PING_SECONDS)
        if self.reconnect_at is not None:
            yield self.reconnect_at
        for catch_up in self.catching_up.values():
            yield now + catch_up.moved_at + STALLED_SECONDS - self.waited
            if catch_up.again_at is not None:
                yield catch_up.again_at

    async def _frame(self, seconds: float) -> str | bytes | None:
        """Return the next frame; None where none has come in time."""
        self.reading = self.reading or asyncio.ensure_future(self.socket.recv())
        waking = asyncio.ensure_future(self.surroundings.sleep(seconds))
        waiting: set[asyncio.Future[Any]] = {self.reading, waking}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()
        if not self.reading.done():
            return None
        read, self.reading = self.reading, None
        return read.result()

    async def _handle(self, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
            kind = frame["type"]
        except (ValueError, KeyError, TypeError, RecursionError):
            logger.warning("ignored what is no frame: %.200r", text)
            return
        match kind:
            case "auth_success":
                await self._authenticated(frame)
            case "subscribed":
                await self._answered(frame)
            case "auth_error" | "error":
                await self._failed(frame)
            case "reconnect":
                after = frame.get("afterMs")
                in_time = isinstance(after, int | float) and 0 <= after <= LATEST_RECONNECT_MILLISECONDS
                self.reconnect_at = self.surroundings.monotonic() + (after / 1000 if in_time else 0.0)
            case "token_expiring":
                await self._refresh(frame)
            case "pong" | "unsubscribed":
                pass
            case _:
                await self._happened(frame)

    async def _authenticated(self, frame: Mapping[str, Any]) -> None:
        first = not self.authenticated
        self.authenticated = True
        self.tokens.accepted()
        if first:
            logger.info("authenticated as %s (%s)", frame.get("sub"), frame.get("role"))
        await self._answered(frame)
        if first:
            for key in self.book.streams:
                if key != _SESSIONS and key not in self.book.to_ask:
                    self.book.to_ask.append(key)

    async def _answered(self, frame: Mapping[str, Any]) -> None:
        place, last = _place(frame), frame.get("last")
        catch_up = self.catching_up.get(place.stream) if place else None
        if not place or not catch_up or catch_up.last is not None or not isinstance(last, int):
            return  # none that was asked for; what stays without an answer ends the connection
        stream = self.book.streams[place.stream]
        if frame.get("recovered") is True and stream.cursor != _NOW:
            stream.move(place)
        else:
            await self.restore(place.stream, place)
        catch_up.last = last
        self._moved(place)

    def _moved(self, place: _Place) -> None:
        """Note that a stream has come as far as a place."""
        catch_up = self.catching_up.get(place.stream)
        if catch_up and catch_up.last is not None and place.sequence >= catch_up.last:
            del self.catching_up[place.stream]
        elif catch_up:
            catch_up.moved_at = self.waited

    async def _failed(self, frame: Mapping[str, Any]) -> None:
        code, message, key = frame.get("code"), frame.get("message"), frame.get("id")
        if frame["type"] == "auth_error":
            if self.authenticated:
                raise _Dropped(f"the refreshed token was refused here: {message}")
            await self.tokens.refused(self.token, str(message))
            raise _Dropped(f"the token was refused: {message}")
        if code in ("token_expired", "auth_timeout", "connection_unknown", "not_authenticated"):
            raise _Dropped(f"{message} ({code})")
        stream, catch_up = self.book.streams.get(str(key)), self.catching_up.get(str(key))
        if stream and catch_up and code == "session_not_found":
            del self.catching_up[str(key)]
            await self.deliver(self.book.vanished(str(key), self.surroundings.now()))
        elif stream and code == "invalid_cursor" and stream.cursor != _NOW:
            stream.lose()
            self.book.to_ask.append(str(key))
        elif catch_up and frame.get("retryable") is True:
            wait = FIRST_DELAY_SECONDS + self.surroundings.share() * AGAIN_SECONDS
            logger.info("%s is refused for the moment (%s); asking again", _named(str(key)), code)
            catch_up.again_at = self.surroundings.monotonic() + wait
        else:
            logger.warning("the service answered with an error: %s (%s)", message, code)

    async def _refresh(self, frame: Mapping[str, Any]) -> None:
        if not self.tokens.renewable:
            logger.warning(
                "the token expires at %s; pass a function as the token, and it is refreshed in time",
                frame.get("expiresAt"),
            )
            return
        old, self.token = self.token, await self.tokens.fresh()
        if self.token != old:
            logger.info("refreshing the token, which expires at %s", frame.get("expiresAt"))
            await self._send({"type": "auth", "token": self.token})

    async def _happened(self, frame: Mapping[str, Any]) -> None:
        place = _place(frame)
        if place is None:
            logger.warning("ignored a frame that is neither an answer nor has a place: %.200r", frame)
            return
        catch_up = self.catching_up.get(place.stream)
        if catch_up and catch_up.last is None:
            return  # nothing comes before the answer that does not come after it
        if due := self.book.take(place, _event(frame)):
            await self.deliver(due)
            self._moved(place)


class _Tokens:
    """The token as the bot gives it, and whether the service has just refused one."""

    def __init__(self, token: Token, surroundings: Surroundings) -> None:
        self._token = token
        self._surroundings = surroundings
        self._latest = ""
        self._refused = False
        self._replacing = asyncio.Lock()

    @property
    def renewable(self) -> bool:
        """Whether a token that has expired can be replaced."""
        return not isinstance(self._token, str)

    async def latest(self) -> str:
        """Return a token, a new one only where there is none yet. Raises TokenRefused as ``fresh`` does."""
        return self._latest or await self.fresh()

    async def fresh(self) -> str:
        """Return a token as new as can be had.

        Where no new one can be had for now, that is the old one. Raises TokenRefused where there is none yet.
        """
        if not self._latest:
            self._latest = await self._given()
        elif self.renewable:
            await self._replace()
        return self._latest

    def accepted(self) -> None:
        """Note that the service knows the token."""
        self._refused = False

    async def refused(self, token: str, reason: str) -> None:
        """Replace a token that the service does not know. Raises TokenRefused where that is of no use."""
        if not self.renewable:
            raise TokenRefused(f"The service refused the token: {reason} Get a new one (`make token`).")
        async with self._replacing:
            if token != self._latest:
                return  # another request has replaced it
            if self._refused:
                raise TokenRefused(
                    f"The service refused a new token as well: {reason} See where it comes from."
                )
            self._refused = await self._replace()

    async def _replace(self) -> bool:
        """Replace the token, and say whether there was another one to be had."""
        try:
            self._latest = await _within(self._surroundings, self._given(), ANSWER_SECONDS)
        except (TokenRefused, TimeoutError) as problem:
            logger.warning("keeping the old token: %s", problem)
            return False
        return True

    async def _given(self) -> str:
        """Return what the bot gives. Raises TokenRefused where that fails, or can't be a token."""
        if isinstance(self._token, str):
            return _checked(self._token)
        give: Callable[[], Any] = self._token
        try:
            given = await _awaited(give() if inspect.iscoroutinefunction(give) else await in_a_thread(give))
        except GameNightError:
            raise
        except Exception as problem:
            raise TokenRefused(f"No token could be had: {_said(problem)}") from problem
        return _checked(given)


def _checked(token: Any) -> str:
    """Return a token without the white space around it. Raises TokenRefused for what can't be sent as one."""
    trimmed = token.strip() if isinstance(token, str) else ""
    if not trimmed:
        raise TokenRefused("There is no token: what was given for it is empty, or no text.")
    odd = next((mark for mark in trimmed if not " " <= mark <= "~"), None)
    if odd:
        raise TokenRefused(
            f"What was given can't be a token: its character {trimmed.index(odd) + 1} is "
            f"U+{ord(odd):04X} ({unicodedata.name(odd, 'a control character')}). Copy it again."
        )
    return trimmed


def _is_loopback(url: str) -> bool:
    """Return whether an address is this machine's own, which no proxy can reach."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: that would take a token to another host, and a POST there without its body."""

    def redirect_request(self, *_: Any) -> None:
        return None


class _Rest:
    """The REST API, asked with the standard library in a thread."""

    def __init__(self, url: str, tokens: _Tokens, surroundings: Surroundings) -> None:
        self.url = url
        self._tokens = tokens
        self._surroundings = surroundings
        direct = [urllib.request.ProxyHandler({})] if _is_loopback(url) else []
        self._opener = urllib.request.build_opener(NoRedirects(), *direct)

    def wrong_address(self) -> WrongAddress:
        return WrongAddress(
            f"No Game Night Live answers at {self.url}/api. Give the address that stands before /api, "
            "such as http://localhost:5000."
        )

    async def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        attempts: int = REQUEST_ATTEMPTS,
    ) -> Any:
        """Return the answer. Raises Refused, TokenRefused, and OSError where none comes."""
        headers = {"Accept": "application/json"}
        if method == "POST":
            headers["Content-Type"] = "application/json"
            headers["Idempotency-Key"] = self._surroundings.new_id()
        for attempt in range(1, attempts):
            with suppress(_Passing):
                return await self._once(method, path, body, headers)
            longest = FIRST_DELAY_SECONDS * 2 ** (attempt - 1)
            await self._surroundings.sleep(self._surroundings.share() * longest)
        try:
            return await self._once(method, path, body, headers)
        except _Passing as passing:
            raise passing.problem from passing

    async def _once(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Any:
        """Return the answer. Raises _Passing around what another attempt may not meet."""
        token = "" if path == "/api" else await self._tokens.latest()
        if token:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        try:
            asking = in_a_thread(self._answer, method, path, body, headers)
            answer = await _within(self._surroundings, asking, ANSWER_SECONDS)
        except Refused as refused:
            if refused.status == 401:  # noqa: PLR2004 - unauthorized
                await self._tokens.refused(token, refused.detail)
                raise _Passing(refused) from refused
            if refused.status == 429 or refused.status >= 500:  # noqa: PLR2004 - too many requests, and theirs
                raise _Passing(refused) from refused
            raise
        except OSError as unreachable:
            raise _Passing(unreachable) from unreachable
        if token:
            self._tokens.accepted()
        return answer

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> Any:
        server = urlsplit(self.url)
        proxy = urllib.request.getproxies().get(server.scheme, "")
        if proxy.startswith("socks") and not urllib.request.proxy_bypass(server.netloc):
            raise OSError(
                f"REST goes through no SOCKS proxy: name another one in {server.scheme}_proxy, or none"
            )
        data = None if body is None else json.dumps(body).encode()
        if method == "POST" and data is None:
            data = b""
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.url + path, data, {**headers}, method=method
        )
        try:
            with self._opener.open(request, timeout=REQUEST_SECONDS) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error) from None
        except InvalidURL as wrong:
            raise ValueError(f"{path!r} is no path of a request") from wrong
        except HTTPException as broken:
            raise Refused(502, "no_answer", f"{self.url}{path} did not answer to the end.") from broken
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as wrong:
            raise Refused(status, "no_json", f"{self.url}{path} did not answer with JSON.") from wrong


def _refused(error: urllib.error.HTTPError) -> Refused:
    try:
        problem = json.load(error)
        return Refused(error.code, str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return Refused(error.code, "unknown", "The answer does not say why.")


def _addresses(url: str, websocket_url: str | None) -> tuple[str, str | None]:
    """Return where ``/api`` is and where the WebSocket is, None where that has to be asked."""
    websocket_url = websocket_url.strip() if websocket_url is not None else None
    if websocket_url is not None and not _is_websocket(websocket_url):
        raise WrongAddress(f"{websocket_url!r} is no address of a WebSocket: it begins with ws:// or wss://.")
    url = url.strip().rstrip("/")
    if _is_websocket(url):
        if not url.endswith(LIVE_PATH):
            raise WrongAddress(
                f"{url} does not tell where /api is. Pass that address, http... or https..., as url, and "
                "this one as websocket_url."
            )
        rest = url.removesuffix(LIVE_PATH).replace("ws", "http", 1)
        return rest, websocket_url or url
    if not (urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname):
        raise WrongAddress(f"{url!r} is no address. Pass one such as http://localhost:5000.")
    return url.removesuffix("/api"), websocket_url


def _is_websocket(url: str) -> bool:
    return urlsplit(url).scheme in ("ws", "wss") and bool(urlsplit(url).hostname)


def _key(session_id: int | None) -> str:
    return f"session:{session_id}"


def _id(key: str) -> int:
    return int(key.partition(":")[2])


def _place(frame: Any) -> _Place | None:
    """Return the place that a frame gives; None where it gives none."""
    try:
        place = _Place(frame["stream"], frame["sequence"], frame["cursor"])
    except (KeyError, TypeError):
        return None
    right = isinstance(place.stream, str) and type(place.sequence) is int and isinstance(place.cursor, str)
    return place if right else None


def _start(session: Any, cursor: str) -> Mapping[str, Any]:
    """Return the ``session.started`` of a polled session, as subscribers got it."""
    started = {"id": session["id"], "is_active": 1}
    started |= {"created_at": session["created_at"], "notes": session["notes"]}
    place = _Place(_SESSIONS, session["id"], cursor)
    envelope = {"type": "session.started", "timestamp": session["created_at"], "data": {"session": started}}
    return {**envelope, **place._asdict()}


def _event(frame: Any) -> Event | None:
    """Return the event of an envelope; None, and a word about it, where it is none that a bot can use."""
    try:
        event = Event(frame["type"], frame["timestamp"], frame["data"])
        usable = isinstance(event.type, str) and type(event.session_id) is int
    except (KeyError, TypeError, AttributeError):
        usable = False
    if not usable:
        logger.error("passed over an event that is not as it should be: %.200r", frame)
        return None
    return event


def _own_event(kind: str, session: Any, now: datetime) -> Event:
    moment = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Event(kind, moment, {"session": session})


@contextmanager
def _expected_shape() -> Iterator[None]:
    """Treat an answer that is JSON of another shape as none: a proxy may have made it up."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as odd:
        raise _Dropped(f"an answer is not as it should be: {odd!r}") from odd


def _named(key: str) -> str:
    return "the starts of nights" if key == _SESSIONS else key.replace(":", " ")


def _said(problem: Exception) -> str:
    if isinstance(problem, urllib.error.URLError):
        return str(problem.reason)  # by itself, it is about urllib
    return str(problem) or type(problem).__name__


async def _awaited(given: T | Awaitable[T]) -> T:
    return await given if inspect.isawaitable(given) else given


async def in_a_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Return what a function returns that blocks.

    Nobody waits for the thread in the end: a bot ends by Ctrl-C while a service leaves its request hanging.
    """
    returned: concurrent.futures.Future[T] = concurrent.futures.Future()
    returned.set_running_or_notify_cancel()  # whoever waits may be cancelled; it may be set all the same
    threading.Thread(target=_return, args=(returned, function, arguments), daemon=True).start()
    return await asyncio.wrap_future(returned)


def _return(
    returned: "concurrent.futures.Future[T]", function: Callable[..., T], arguments: tuple[Any, ...]
) -> None:
    try:
        returned.set_result(function(*arguments))
    except BaseException as problem:  # noqa: BLE001 - it is raised where it is waited for
        returned.set_exception(problem)
        del returned  # which would hold the exception that holds this frame, until the next collection


async def _opened(opening: connect) -> ClientConnection:
    return await opening


async def _within(surroundings: Surroundings, doing: Awaitable[T], seconds: float) -> T:
    """Return what is awaited. Raises TimeoutError where it takes too long."""
    task = asyncio.ensure_future(doing)
    waking = asyncio.ensure_future(surroundings.sleep(seconds))
    waiting: set[asyncio.Future[Any]] = {task, waking}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        waking.cancel()
        task.cancel()
    raise TimeoutError(f"no answer within {seconds:g} s")
