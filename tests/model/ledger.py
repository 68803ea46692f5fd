"""The truth: every event, in commit order, as the store took it, and the frames that may come of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

StreamName = int | str
"""A session's id, or SESSIONS."""

SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event. ``index`` is its place in the whole ledger, ``at`` when it was committed in Unix seconds."""

    index: int
    session_id: int
    sequence: int
    type: str
    envelope: bytes
    at: float

    @property
    def data(self) -> Any:
        return json.loads(self.envelope)["data"]

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
            case _:
                return f"the end of {self.session_id}"


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as it is sent: on which stream, at which place there, and whether it carries a cursor."""

    entry: Entry
    stream: StreamName
    sequence: int
    has_cursor: bool


class Ledger:
    """The events of one life of the tables."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self.entries: list[Entry] = []
        self.streams: dict[StreamName, list[Entry]] = {SESSIONS: []}
        self.epochs: dict[StreamName, str] = {}
        self.frames: dict[bytes, Frame] = {}
        self.fired: dict[str, list[Entry]] = {}

    def append(self, image: Mapping[str, Any], at: float) -> int:
        """Take an item of the log as DynamoDB writes it; return how many events it holds."""
        envelopes = image["envelope"]["S"].encode().split(b"\n")
        last = int(image["SK"]["S"].removeprefix("event#"))
        for sequence, envelope in enumerate(envelopes, last - len(envelopes) + 1):
            self._append_one(image, sequence, envelope, at)
        return len(envelopes)

    def _append_one(self, image: Mapping[str, Any], sequence: int, envelope: bytes, at: float) -> None:
        session_id = int(image["PK"]["S"].removeprefix("session#"))
        kind = image["type"]["S"]
        entry = Entry(len(self.entries), session_id, sequence, kind, envelope, at)
        self.entries.append(entry)
        self.fired.setdefault(entry.marker, []).append(entry)
        self._append(session_id, sequence, image["epoch"]["S"], entry)
        started = kind == "session.started"
        if started:
            self._append(SESSIONS, session_id, image["sessions_epoch"]["S"], entry)
        stream = SESSIONS if started else session_id
        self.frames[envelope] = Frame(entry, stream, session_id if started else sequence, has_cursor=False)

    def _append(self, stream: StreamName, sequence: int, epoch: str, entry: Entry) -> None:
        entries = self.streams.setdefault(stream, [])
        entries.append(entry)
        if sequence != len(entries):
            self._complain(f"{stream}: {sequence} was committed as the {len(entries)}th, so there is a hole")
        if self.epochs.setdefault(stream, epoch) != epoch:
            self._complain(f"{stream} has changed its epoch")
        with_cursor = entry.envelope[:-1] + f',"cursor":"{epoch}:{sequence}"}}'.encode()
        self.frames[with_cursor] = Frame(entry, stream, sequence, has_cursor=True)

    def end(self, stream: StreamName) -> int:
        return len(self.streams.get(stream, ()))

    def after(self, stream: StreamName, sequence: int) -> Sequence[Entry]:
        return self.streams.get(stream, [])[sequence:]

    @property
    def sessions(self) -> int:
        """How many sessions there are: the newest one's id."""
        return self.end(SESSIONS)
