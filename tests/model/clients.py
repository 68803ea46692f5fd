"""A client as the contract describes one, which holds the service to everything it was promised.

It keeps what it has heard on each connection and, for where it resumes, across connections. Whatever it
must not hear is a complaint in the moment it comes; what it has not heard is found by ``overdue``, once all
has been delivered.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chalicelib.limits import EVENT_RETENTION_SECONDS
from tests.model.ledger import SESSIONS, Frame, Ledger, StreamName


class Since(StrEnum):
    """Where a client asks to resume."""

    NOT_ASKED = "no since"
    LAST = "its last"
    OLDER = "an older one"
    BEGINNING = "the beginning"
    FOREIGN = "another epoch's"
    OTHER_STREAM = "another stream's"
    BEYOND = "from beyond the end"


@dataclass(frozen=True, slots=True)
class Truth:
    """What the test knows: ``ordered`` says whether starts of different sessions come in order."""

    ledger: Ledger
    now: Callable[[], float]
    complain: Callable[[str], None]
    ordered: bool

    def check_answer(self, asked: "Asked", cursor: str, *, recovered: bool) -> tuple[str, int]:
        """Complain unless an answer to ``since`` says what is so; return the cursor's parts."""
        ledger, stream, since = self.ledger, asked.stream, asked.since or ""
        epoch, _, digits = cursor.rpartition(":")
        place, end = int(digits), ledger.end(stream)
        if epoch != ledger.epochs.get(stream, epoch):
            self.complain(f"{stream}: the cursor {cursor} is of another epoch")
        if not asked.end <= place <= end and not (asked.polled and recovered):
            self.complain(f"{stream}: told to be at {place}; it was at {asked.end} and is at {end}")
        since_epoch, _, since_digits = since.rpartition(":")
        start = int(since_digits or 0)
        missed = ledger.after(stream, start)
        oldest = self.now() - EVENT_RETENTION_SECONDS
        lost = since_epoch not in ("", epoch) or start > end
        lost = lost or bool(asked.expires and missed and missed[0].at <= oldest and start < place)
        if recovered is lost:
            self.complain(f"{stream}: resumed from {since!r} of {end}; recovered {recovered} is a lie")
        return epoch, place


@dataclass(slots=True)
class Asked:
    """A frame, or a poll, on its way. ``end`` is where the stream ended when it was sent."""

    verb: str
    stream: StreamName
    since: str | None
    end: int
    polled: bool = False
    expires: bool = True
    answered: bool = False


@dataclass(slots=True)
class Memory:
    """What a client has of one stream: everything in ``heard`` above ``start``."""

    start: int | None = None
    heard: set[int] = field(default_factory=set)

    def resumed(self, since: int, end: int, *, recovered: bool) -> None:
        if not recovered:
            self.start = end
        elif self.start is None or since < self.start:
            self.start = since

    @property
    def position(self) -> int | None:
        """The last place without a hole before it."""
        if self.start is None:
            return None
        place = self.start
        while place + 1 in self.heard:
            place += 1
        return place


@dataclass(slots=True)
class Ear:
    """A stream, as heard on one connection. Places in the ledger say since when, and until when.

    What happened before an answer may still be on its way as it was sent to the audience of then: with a
    cursor (``cursors_until``) or without (``opted_in_at``), or at all (``left_at``).
    ``promised_from`` is the place on the stream after which everything is to come, where the client asked.
    """

    asked: bool = False
    joined_at: int | None = None
    leaving: bool = False
    left_at: int | None = None
    asked_since: bool = False
    cursors_until: int = 0
    opted_in_at: int | None = None
    promised_from: int | None = None
    heard: set[int] = field(default_factory=set)
    newest_live: int = 0
    heard_live: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Line:
    """A connection, as its client sees it."""

    connection_id: str
    ears: dict[StreamName, Ear] = field(default_factory=dict)
    asked: dict[int, Asked] = field(default_factory=dict)
    authenticated: bool = False
    open: bool = True

    def ear(self, stream: StreamName) -> Ear:
        return self.ears.setdefault(stream, Ear())

    def waits_for(self, stream: StreamName) -> bool:
        """Say whether a frame about this stream is on its way: a client waits for its answer."""
        return any(one.stream == stream for one in self.asked.values())


class Client:
    """One client with a token of its own, on one connection at a time."""

    def __init__(self, name: str, truth: Callable[[], Truth]) -> None:
        self.name = name
        self._truth = truth
        self.line: Line | None = None
        self.memories: dict[tuple[StreamName, str], Memory] = {}
        self.epochs: dict[StreamName, str] = {}
        self._frames = 0

    # What it sends.

    def connected(self, connection_id: str) -> None:
        self.line = Line(connection_id)

    def vanished(self) -> None:
        if self.line is not None:
            self.line.open = False
        self.line = None

    def cursor(self, stream: StreamName, since: Since) -> str | None:  # noqa: PLR0911 - one for each kind
        """Return the text of ``since``; None where the client does not send one."""
        epoch = self.epochs.get(stream, "")
        memory = self.memories.get((stream, epoch), Memory())
        position = memory.position
        match since:
            case Since.NOT_ASKED:
                return None
            case Since.LAST if position is not None:
                return f"{epoch}:{position}"
            case Since.OLDER if position:
                return f"{epoch}:{position // 2}"
            case Since.FOREIGN:
                return "feed:1"
            case Since.OTHER_STREAM:
                others = (self.cursor(one, Since.LAST) for one in self.epochs if one != stream)
                return next(others, "")
            case Since.BEYOND if epoch:
                return f"{epoch}:100000"
            case _:
                return ""

    def frame(self, verb: str, stream: StreamName, since: Since = Since.NOT_ASKED) -> tuple[int, str]:
        """Return a frame's id and its text; the connection waits until ``finished`` is called with the id."""
        line = self.line
        assert line is not None
        self._frames += 1
        cursor = self.cursor(stream, since)
        line.asked[self._frames] = Asked(verb, stream, cursor, self._truth().ledger.end(stream))
        ear = line.ear(stream)
        message: dict[str, Any] = {"type": verb, "id": self._frames}
        if verb == "unsubscribe":
            ear.leaving = True
        else:
            ear.asked, ear.left_at = True, None
            ear.asked_since = ear.asked_since or cursor is not None
            if cursor is not None:
                message["since"] = cursor
        if stream == SESSIONS:
            message["token"] = f"{self.name}:{self._frames}"
        else:
            message["sessionId"] = stream
        return self._frames, json.dumps(message)

    def finished(self, line: Line, number: int, *, killed: bool) -> None:
        """Learn that the function which a frame went to has ended.

        API Gateway tells of one that died. A replay that it was in the middle of does not go on, so that
        only what the connection has joined for is still to come.
        """
        asked = line.asked.pop(number)
        if killed and asked.answered:
            line.ear(asked.stream).promised_from = None

    # What it hears.

    def hear(self, connection_id: str, body: bytes, function: str) -> None:
        """See ``gateway.Listener``."""
        line = self.line
        if line is None or line.connection_id != connection_id:
            self._complain(f"{connection_id} is not open any more, and was posted to")
            return
        frame = self._truth().ledger.frames.get(body)
        if frame is not None:
            self._hear_event(line, frame, live=function != "websocket_message")
            return
        message = json.loads(body)
        if function != "websocket_message" or "." in message["type"]:
            self._complain(f"was sent an event that is not in the log: {body.decode()}")
        elif message["type"] == "error":
            if not message["retryable"]:
                self._complain(f"asked for nothing wrong and was answered {body.decode()}")
        else:
            self._hear_answer(line, message)

    def _hear_event(self, line: Line, frame: Frame, *, live: bool) -> None:
        entry, stream = frame.entry, frame.stream
        ear = line.ears.get(stream)
        name = f"{entry.type} {frame.sequence} of {stream}"
        if ear is None or not ear.asked:
            self._complain(f"got {name} without having asked")
            return
        if ear.left_at is not None and entry.index >= ear.left_at:
            self._complain(f"got {name}, which happened after it had left")
        if frame.has_cursor:
            if not ear.asked_since and entry.index >= ear.cursors_until:
                self._complain(f"got {name} with a cursor, and has not sent since")
            epoch = self._truth().ledger.epochs[stream]
            self._memory(stream, epoch).heard.add(frame.sequence)
        elif ear.opted_in_at is not None and entry.index >= ear.opted_in_at:
            self._complain(f"got {name} without a cursor, and had opted in before it happened")
        if live and ear.joined_at is not None and entry.index >= ear.joined_at:
            in_order = stream != SESSIONS or self._truth().ordered
            if in_order and frame.sequence not in ear.heard_live and frame.sequence < ear.newest_live:
                self._complain(f"got {name} after {ear.newest_live}")
            ear.heard_live.add(frame.sequence)
            ear.newest_live = max(ear.newest_live, frame.sequence)
        ear.heard.add(frame.sequence)

    def _hear_answer(self, line: Line, message: dict[str, Any]) -> None:
        asked = line.asked.get(message["id"])
        if asked is None or asked.answered:
            self._complain(f"was answered what it had not asked: {message}")
            return
        asked.answered = True
        now = len(self._truth().ledger.entries)
        if message["type"] == "unsubscribed":
            ear = line.ear(asked.stream)
            until = now if ear.asked_since else ear.cursors_until
            line.ears[asked.stream] = Ear(asked=True, left_at=now, cursors_until=until)
            return
        line.authenticated = True
        ear = line.ear(asked.stream)
        if ear.joined_at is None:
            ear.joined_at = now
            ear.left_at = None
        if (asked.since is not None) is not ("cursor" in message) or ("recovered" in message) is not (
            "cursor" in message
        ):
            self._complain(f"asked with since {asked.since!r} and was answered {message}")
        if asked.since is not None:
            recovered = message["recovered"]
            epoch, end = self._truth().check_answer(asked, message["cursor"], recovered=recovered)
            self.resumed(asked, epoch, end, recovered=recovered)
            since = int(asked.since.rpartition(":")[2] or 0)
            ear.promised_from = since if recovered else end
            if ear.opted_in_at is None:
                ear.opted_in_at = now

    def resumed(self, asked: Asked, epoch: str, end: int, *, recovered: bool) -> None:
        """Take what an answer said about where the client is on a stream."""
        self.epochs[asked.stream] = epoch
        since = int((asked.since or "").rpartition(":")[2] or 0)
        self._memory(asked.stream, epoch).resumed(since, end, recovered=recovered)

    def polled(self, stream: StreamName, epoch: str, sequences: range) -> None:
        self._memory(stream, epoch).heard.update(sequences)

    def _memory(self, stream: StreamName, epoch: str) -> Memory:
        return self.memories.setdefault((stream, epoch), Memory())

    # What it is still owed.

    def overdue(self, delivered: Callable[[int], bool]) -> Iterator[str]:
        """Yield what the open connection should have heard by now, and has not.

        ``delivered`` says whether the entry with an index was delivered.
        """
        line, ledger = self.line, self._truth().ledger
        for stream, ear in line.ears.items() if line else ():
            if ear.joined_at is None or ear.leaving:
                continue
            entries = ledger.streams.get(stream, [])
            from_place = len(entries) if ear.promised_from is None else ear.promised_from
            missing = [
                place
                for place, entry in enumerate(entries, 1)
                if (entry.index >= ear.joined_at or place > from_place)
                and place not in ear.heard
                and delivered(entry.index)
            ]
            if missing:
                yield f"{self.name} has not heard {missing} of {stream} (of {len(entries)})"

    def behind(self) -> Iterator[str]:
        """Yield the streams that the client resumes on, and of which it does not have everything."""
        ledger = self._truth().ledger
        for stream, epoch in self.epochs.items():
            position = self.memories[stream, epoch].position
            if epoch == ledger.epochs.get(stream) and position != ledger.end(stream):
                yield f"{self.name} is at {position} of {stream}, which ends at {ledger.end(stream)}"

    def _complain(self, text: str) -> None:
        self._truth().complain(f"{self.name} {text}")
