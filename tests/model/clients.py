"""Clients as the contract describes them, which hold the service to everything it has promised.

A client's memory is the contract's four lines (``Client.take``): its place in each stream, which it comes
back with. Each connection holds the service to the rule: events in order and without a hole. The last client
knows nothing of resuming, and gets what the seed's clients get, to the byte.

A client subscribes again with ``since``, on a connection that follows the stream, only with its own place: an
event in flight can come between the answer and the replay, since nothing can recall a post. One whose lost
place was not answered, since the function was killed, comes back on another connection.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Any

from tests.model.connection import Line
from tests.model.truth import Asked, Truth
from tests.model.world.ledger import SESSIONS, Frame


class Since(StrEnum):
    """Where a client asks to resume."""

    NOT_ASKED = "no since"
    LAST = "its last"
    NOW = "now"
    OLDER = "an older one"
    BEGINNING = "the beginning"
    FOREIGN = "another epoch's"
    OTHER_STREAM = "another stream's"
    BEYOND = "from beyond the end"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client is in a stream."""

    sequence: int
    cursor: str

    @property
    def epoch(self) -> str:
        return self.cursor.rpartition(":")[0]


class Client:
    """One client with a token of its own, on one connection at a time. ``resumes``: it ever sends since."""

    def __init__(self, name: str, truth: Callable[[], Truth], *, resumes: bool) -> None:
        self.name = name
        self.resumes = resumes
        self._truth = truth
        self.line: Line | None = None
        self.places: dict[str, Place] = {}
        self._frames = 0
        self._revoked_at = 0.0
        self._revoked_until = 0.0

    def take(self, frame: Mapping[str, Any]) -> bool:
        """Be the client of the contract; return whether a frame is news."""
        place = self.places.get(frame.get("stream", ""))
        if "data" in frame and place and frame["sequence"] <= place.sequence:
            return False
        if "stream" in frame:
            self.places[frame["stream"]] = Place(frame["sequence"], frame["cursor"])
        return True

    # What it sends.

    def connected(self, connection_id: str) -> None:
        self.line = Line(connection_id)

    def vanished(self) -> None:
        if self.line is not None:
            self.line.open = False
        self.line = None

    def since(self, stream: str, kind: Since, *, follows: bool = False) -> str | None:  # noqa: PLR0911 - one for each kind
        """Return the text of ``since``, on a connection that ``follows`` the stream or does not.

        None where the client does not send one.
        """
        place = self.places.get(stream)
        if follows and kind in {Since.OLDER, Since.BEGINNING}:
            kind = Since.LAST
        match kind:
            case _ if not self.resumes:
                return None
            case Since.NOT_ASKED:
                return None
            case Since.NOW:
                return "now"
            case Since.LAST if place:
                return place.cursor
            case Since.OLDER if place:
                return f"{place.epoch}:{place.sequence // 2}"
            case Since.FOREIGN:
                return "feed:1"
            case Since.OTHER_STREAM:
                return next((other.cursor for one, other in self.places.items() if one != stream), "now")
            case Since.BEYOND if place:
                return f"{place.epoch}:100000"
            case _:
                return ""

    def frame(self, verb: str, stream: str, kind: Since = Since.NOT_ASKED) -> tuple[int, str]:
        """Return a frame's id and its text; the connection waits until ``finished`` is called with the id."""
        line = self.line
        assert line is not None
        self._frames += 1
        since = None if verb == "unsubscribe" else self.since(stream, kind, follows=line.follows(stream))
        place = self.places.get(stream)
        goes_on = since is None or since == (place.cursor if place else "")
        line.asked[self._frames] = Asked(verb, stream, since, self._truth().ledger.end(stream), goes_on)
        ear = line.ear(stream)
        message: dict[str, Any] = {"type": verb, "id": self._frames}
        if verb == "unsubscribe":
            ear.leaving = True
        else:
            ear.asks(since=since is not None)
            if since is not None:
                message["since"] = since
        if stream == SESSIONS:
            line.token_issued_at = self._truth().now()
            message["token"] = f"{self.name}:{self._frames}:{line.token_issued_at}"
        else:
            message["sessionId"] = int(stream.partition(":")[2])
        return self._frames, json.dumps(message)

    def finished(self, line: Line, number: int, *, failed: bool) -> bool:
        """Learn that the function which a frame went to has ended; return whether the client stays.

        Where it ``failed``, a replay that it was in the middle of does not go on for now.
        """
        asked = line.asked.pop(number)
        if asked.since is None:
            return True
        now = len(self._truth().ledger.entries)
        line.ear(asked.stream).stalled_at = now if failed or not asked.answered else None
        epoch = self._truth().ledger.epochs.get(asked.stream, "")
        return asked.answered or (asked.goes_on and not self._truth().is_lost(asked, epoch))

    # What it hears.

    def hear(self, connection_id: str, body: bytes, function: str) -> None:
        """See ``gateway.Listener``."""
        line = self.line
        if line is None or line.connection_id != connection_id:
            self._complain(f"{connection_id} is not open any more, and was posted to")
            return
        frame = self._truth().ledger.frames.get(body)
        message = json.loads(body)
        if frame is not None:
            self._hear_event(line, frame, message)
        elif message.get("code") == "token_revoked":
            if line.token_issued_at > self._revoked_until:
                self._complain("was told that its token is revoked, and it is not")
        elif function != "websocket_message" or "." in message["type"]:
            self._complain(f"was sent an event that is not in the log: {body.decode()}")
        elif message["type"] == "error":
            if not message["retryable"]:
                self._complain(f"asked for nothing wrong and was answered {body.decode()}")
        else:
            self._hear_answer(line, message)

    def _hear_event(self, line: Line, frame: Frame, message: Mapping[str, Any]) -> None:
        stream, sequence = frame.entry.stream, frame.entry.sequence
        name = f"got {frame.entry.type} {sequence} of {stream}"
        ear = line.ear(stream)
        nexts = {ear.reached + 1}
        if wrong := ear.hear(frame):
            self._complain(f"{name} {wrong}")
        before = self.places.get(stream)
        if self.take(message) and frame.cursor and before:
            nexts.add(before.sequence + 1)
            if sequence not in nexts or not frame.cursor.startswith(f"{before.epoch}:"):
                self._complain(f"{name}, and was at {before}")

    def _hear_answer(self, line: Line, message: Mapping[str, Any]) -> None:
        asked = line.asked.get(message["id"])
        if asked is None or asked.answered:
            self._complain(f"was answered what it had not asked: {message}")
            return
        asked.answered = True
        now = len(self._truth().ledger.entries)
        ear = line.ear(asked.stream)
        if message["type"] == "unsubscribed":
            line.ears[asked.stream] = ear.left(now)
            return
        line.authenticated = True
        if line.token_issued_at < self._revoked_at:
            self._complain("was let in with a token that was revoked before")
        self._truth().check_answer(asked, message)
        self.take(message)
        ear.joined(now)
        if asked.since is not None and "sequence" in message:
            ear.resumed(message["sequence"], now)

    def polled(self, stream: str, cursor: str, sequence: int) -> None:
        """Take a page that ended at a cursor, or at the stream's end where ``since`` was lost."""
        place = self.places.get(stream)
        if place is None or not cursor.startswith(f"{place.epoch}:") or place.sequence < sequence:
            self.places[stream] = Place(sequence, cursor)

    # What a host does to it.

    def is_being_revoked(self) -> None:
        """Expect that tokens are refused, whenever they were issued."""
        self._revoked_until = inf

    def was_revoked(self, at: float | None) -> None:
        """Expect that newer tokens are accepted from now on, and that those from before ``at`` are not.

        ``at`` is None where the request was not answered: then older ones may be accepted too.
        """
        self._revoked_until = self._truth().now()
        if at is None:
            return
        self._revoked_at = at
        if self.line is not None and self.line.authenticated and self.line.token_issued_at < at:
            self._complain("was revoked, and its connection is still open")

    # What it still lacks.

    def overdue(self, delivered: Callable[[int], bool]) -> Iterator[str]:
        """Yield what the open connection should have heard by now, and has not.

        ``delivered`` says whether the entry with an index was delivered.
        """
        if self.line is not None:
            for lack in self.line.overdue(self._truth().ledger, delivered):
                yield f"{self.name} {lack}"

    def behind(self) -> Iterator[str]:
        """Yield the streams that the client is in, and of which it does not have everything."""
        ledger = self._truth().ledger
        for stream, place in self.places.items():
            if place.epoch == ledger.epochs.get(stream) and place.sequence != ledger.end(stream):
                yield f"{self.name} is at {place} of {stream}, which ends at {ledger.end(stream)}"

    def _complain(self, text: str) -> None:
        self._truth().complain(f"{self.name} {text}")
