"""The truth: every event, in commit order, as the store took it, and the frames that may come of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.nights.events import SESSIONS_STREAM, session_stream

SESSIONS = SESSIONS_STREAM


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of a stream. ``index`` is its place in the whole ledger, ``at`` its commit in Unix seconds."""

    index: int
    stream: str
    sequence: int
    type: str
    envelope: bytes
    at: float

    @property
    def data(self) -> Any:
        return json.loads(self.envelope)["data"]

    @property
    def session_id(self) -> int:
        return int(self.data["session"]["id"])

    @property
    def marker(self) -> str:
        """What the request that fired this event can be told by: its own words."""
        data = self.data
        match self.type:
            case "session.started":
                return str(data["session"]["notes"])
            case "game.added":
                return str(data["game"]["title"])
            case "vote.received":
                return str(data["vote"]["username"])
            case "game.removed":
                return f"no {data['game']['title']}"
            case "vote.withdrawn":
                return f"no {data['vote']['username']}"
            case _:
                return f"the end of {self.session_id}"


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as it is sent; ``cursor`` is None where it is the envelope alone."""

    entry: Entry
    cursor: str | None


class Ledger:
    """The events of one life of the tables. A start is an event of two streams, but fired once."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self.entries: list[Entry] = []
        self.streams: dict[str, list[Entry]] = {SESSIONS: []}
        self.epochs: dict[str, str] = {}
        self.frames: dict[bytes, Frame] = {}
        self.fired: dict[str, list[Entry]] = {}

    def append(self, image: Mapping[str, Any], at: float) -> int:
        """Take an item of the log as DynamoDB writes it; return how many events it holds."""
        partition = image["PK"]["S"]
        stream = SESSIONS if partition == SESSIONS else session_stream(int(partition.partition("#")[2]))
        envelopes = image["envelope"]["S"].encode().split(b"\n")
        last = int(image["SK"]["S"].removeprefix("event#"))
        epoch = image["epoch"]["S"]
        if self.epochs.setdefault(stream, epoch) != epoch:
            self._complain(f"{stream} has changed its epoch")
        for sequence, envelope in enumerate(envelopes, last - len(envelopes) + 1):
            self._append(Entry(len(self.entries), stream, sequence, image["type"]["S"], envelope, at))
        return len(envelopes)

    def _append(self, entry: Entry) -> None:
        self.entries.append(entry)
        entries = self.streams.setdefault(entry.stream, [])
        entries.append(entry)
        if entry.sequence != len(entries):
            self._complain(f"{entry.stream}: {entry.sequence} was committed as the {len(entries)}th")
        own_start = entry.type == "session.started" and entry.stream != SESSIONS
        if not own_start:  # who follows only its session never gets the envelope alone: it has no place
            self.frames[entry.envelope] = Frame(entry, None)
            self.fired.setdefault(entry.marker, []).append(entry)
        self._frame_with_place(entry)

    def _frame_with_place(self, entry: Entry) -> None:
        self.frames[self.with_place(entry)] = Frame(entry, self._cursor(entry))

    def renew(self, epochs: Mapping[str, str]) -> None:
        """Give streams new epochs, as an operator does to a table that was restored."""
        self.epochs.update(epochs)
        self.frames = {body: frame for body, frame in self.frames.items() if frame.cursor is None}
        for entry in self.entries:
            self._frame_with_place(entry)

    def end(self, stream: str) -> int:
        return len(self.streams.get(stream, ()))

    def after(self, stream: str, sequence: int) -> Sequence[Entry]:
        return self.streams.get(stream, [])[sequence:]

    def with_place(self, entry: Entry) -> bytes:
        """Return the bytes of an event for who has opted in, or polls."""
        place = f'"stream":"{entry.stream}","sequence":{entry.sequence},"cursor":"{self._cursor(entry)}"'
        return entry.envelope[:-1] + f",{place}}}".encode()

    def _cursor(self, entry: Entry) -> str:
        return f"{self.epochs[entry.stream]}:{entry.sequence}"

    @property
    def sessions(self) -> int:
        """How many sessions there are: the newest one's id."""
        return self.end(SESSIONS)
