"""What a client is told about where it is, held against the ledger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.limits import EVENT_RETENTION_SECONDS
from tests.model.world.ledger import SESSIONS, Ledger

RESUMED = ("stream", "sequence", "cursor", "last", "recovered")
"""What an answer to ``since`` has, and no other answer."""


@dataclass(slots=True)
class Asked:
    """A frame, or a poll, on its way. ``end`` is where the stream ended when it was sent.

    ``goes_on``: it asks for what follows the client's own place, or for nothing before.
    """

    verb: str
    stream: str
    since: str | None
    end: int
    goes_on: bool = True
    answered: bool = False

    @property
    def epoch(self) -> str:
        return (self.since or "").rpartition(":")[0]

    @property
    def start(self) -> int:
        """The sequence of the cursor that it asks with; 0 where it has none."""
        return int((self.since or "").rpartition(":")[2] or 0) if self.since != "now" else 0


@dataclass(frozen=True, slots=True)
class Truth:
    """What the test knows. ``now`` gives Unix seconds."""

    ledger: Ledger
    now: Callable[[], float]
    complain: Callable[[str], None]

    def check_answer(self, asked: Asked, answer: Mapping[str, Any]) -> None:
        """Complain unless an answer says where its client goes on, where it asked, and what is so."""
        there = [name for name in RESUMED if name in answer]
        if there != ([] if asked.since is None else [*RESUMED]):
            self.complain(f"asked with since {asked.since!r} and was answered {answer}")
        if asked.since is None or not there:
            return
        sequence, cursor, last = answer["sequence"], answer["cursor"], answer["last"]
        epoch = self._checked_epoch(asked.stream, cursor)
        lost = self.is_lost(asked, epoch)
        place = last if lost or asked.since == "now" else asked.start
        right = (
            answer["stream"] == asked.stream
            and asked.end <= last <= self.ledger.end(asked.stream)
            and answer["recovered"] is not lost
            and sequence == place
            and cursor == f"{epoch}:{sequence}"
        )
        if not right:
            self.complain(f"{asked} was answered {answer}, lost: {lost}")

    def check_page(self, asked: Asked, page: Mapping[str, Any]) -> int:
        """Complain unless a page ends where it says; return the sequence of its cursor."""
        epoch = self._checked_epoch(asked.stream, page["cursor"])
        place = int(page["cursor"].rpartition(":")[2])
        lost = self.is_lost(asked, epoch)
        if page["recovered"] is lost or place > self.ledger.end(asked.stream):
            self.complain(f"{asked} was answered {page}, lost: {lost}")
        return place

    def is_lost(self, asked: Asked, epoch: str) -> bool:
        """Say whether what follows ``since`` can't be had; ``epoch`` is the stream's.

        A list of sessions never expires.
        """
        if asked.since in {None, "now"}:
            return False
        if asked.epoch not in {"", epoch} or asked.start > self.ledger.end(asked.stream):
            return True
        missed = self.ledger.after(asked.stream, asked.start)
        expires = asked.verb != "poll" or asked.stream != SESSIONS
        return bool(expires and missed and missed[0].at <= self.now() - EVENT_RETENTION_SECONDS)

    def _checked_epoch(self, stream: str, cursor: str) -> str:
        epoch = cursor.rpartition(":")[0]
        if epoch != self.ledger.epochs.get(stream, epoch):
            self.complain(f"{stream}: the cursor {cursor} is of another epoch")
        return epoch
