"""A connection as its client sees it: what it asked for, and the rule of the contract for each stream."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.model.truth import Asked
from tests.model.world.ledger import Entry, Frame, Ledger


@dataclass(slots=True)
class Ear:
    """A stream, as heard on one connection. Moments are places in the ledger.

    What happened before an answer may still be on its way as it was sent to the audience of then: with its
    place (``places_until``) or without (``opted_in_at``), or at all (``left_at``; then ``rejoins`` until the
    answer). ``promised``: everything after ``place`` is to come; else what happened since ``joined_at`` is.
    ``stalled_at``: its catch-up was broken off, so that it is behind until something happens on the stream.

    ``place`` is that of the newest event, or of an answer, and ``reached`` the highest that there was: an
    event that is on its way while an answer sets an earlier place comes right after ``reached``.
    """

    asked: bool = False
    asked_since: bool = False
    joined_at: int | None = None
    leaving: bool = False
    left_at: int | None = None
    rejoins: bool = False
    places_until: int = 0
    opted_in_at: int | None = None
    promised: bool = False
    stalled_at: int | None = None
    place: int | None = None
    reached: int = 0

    def hear(self, frame: Frame) -> str | None:
        """Take an event; return what is wrong with it, None where it is as promised."""
        entry = frame.entry
        if not self.asked:
            return "without having asked"
        if self.left_at is not None and entry.index >= self.left_at:
            return "which happened after it had left"
        if frame.cursor is None and self.opted_in_at is not None:
            self.reached = max(self.reached, entry.sequence)
            late = entry.index < self.opted_in_at
            return None if late else "without its place, and had opted in before it happened"
        if frame.cursor is not None and not self.asked_since and entry.index >= self.places_until:
            return "with its place, and has not sent since"
        return self._advance(entry.sequence)

    def _advance(self, sequence: int) -> str | None:
        before = self.place
        if before is not None and sequence <= before:
            return None  # came twice
        hole = before is not None and sequence not in {before + 1, self.reached + 1} and not self.rejoins
        self.place, self.reached = sequence, max(self.reached, sequence)
        if hole:
            return f"right after {before}: there is a hole"
        return None

    def asks(self, *, since: bool) -> None:
        """Ask to join, or to go on."""
        self.asked = True
        self.asked_since = self.asked_since or since
        self.rejoins = self.rejoins or self.left_at is not None
        self.left_at = None

    def joined(self, now: int) -> None:
        """Take the answer to a subscription, or to a token."""
        if self.joined_at is None:
            self.joined_at = now
        if self.rejoins:
            self.rejoins, self.place = False, None

    def resumed(self, sequence: int, now: int) -> None:
        """Take what an answer to ``since`` said."""
        self.place, self.reached, self.promised = sequence, max(self.reached, sequence), True
        if self.opted_in_at is None:
            self.opted_in_at = now

    def left(self, now: int) -> "Ear":
        """Return what there is after the answer to the end of a subscription."""
        until = now if self.asked_since else self.places_until
        return Ear(asked=True, left_at=now, places_until=until, place=self.place, reached=self.reached)

    def missing(self, entries: list[Entry], delivered: Callable[[int], bool]) -> list[int]:
        """Return what is to have been heard by now and was not."""
        if self.joined_at is None or self.leaving:
            return []
        stalled = self.stalled_at
        if stalled is not None and not any(
            one.index >= stalled and delivered(one.index) for one in reversed(entries)
        ):
            return []
        return [
            one.sequence
            for one in entries[self.place or 0 :]
            if (self.promised or one.index >= self.joined_at) and delivered(one.index)
        ]


@dataclass(slots=True)
class Line:
    """A connection, as its client sees it."""

    connection_id: str
    ears: dict[str, Ear] = field(default_factory=dict)
    asked: dict[int, Asked] = field(default_factory=dict)
    authenticated: bool = False
    token_issued_at: float = 0.0
    open: bool = True

    def ear(self, stream: str) -> Ear:
        return self.ears.setdefault(stream, Ear())

    def follows(self, stream: str) -> bool:
        """Say whether events of a stream may be on their way here."""
        return stream in self.ears and self.ears[stream].asked

    def waits_for(self, stream: str) -> bool:
        """Say whether a frame about this stream is on its way: a client waits for its answer."""
        return any(one.stream == stream for one in self.asked.values())

    def overdue(self, ledger: Ledger, delivered: Callable[[int], bool]) -> Iterator[str]:
        for stream, ear in self.ears.items():
            if missing := ear.missing(ledger.streams.get(stream, []), delivered):
                yield f"has not heard {missing} of {stream} (of {ledger.end(stream)})"
