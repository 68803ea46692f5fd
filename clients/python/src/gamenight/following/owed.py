"""Tracks what a connection waits for: answers, replays and pongs."""

from dataclasses import dataclass, field

from gamenight.errors import Dropped
from gamenight.following.streams import Place, named

PING_SECONDS = 25.0
"""After this much silence the client pings. API Gateway closes an idle connection after ten minutes, nginx by
default after one, and some proxies after half of one."""

PONG_SECONDS = 20.0
"""After this much more silence, the connection is dead."""

STALLED_SECONDS = 30.0
"""How long an answer, or the next event of a replay, may be missing before the connection is given up."""


@dataclass(slots=True)
class Replay:
    """What a stream waits for since ``moved_at``: the answer, then the events up to ``last``."""

    moved_at: float
    last: int | None = None


@dataclass(slots=True)
class Owed:
    """What a connection still has to send: the rest of each stream's replay, and a pong if it is ``pinged``.

    ``waited`` is the total time, in seconds, that the connection has waited for frames. All other times are
    measured in it. So the program's own slowness does not count against the service.
    """

    replays: dict[str, Replay] = field(default_factory=dict)
    waited: float = 0.0
    heard_at: float = 0.0
    pinged: bool = False

    def answer_of(self, stream: str) -> Replay | None:
        """Return the replay of a stream whose answer is missing."""
        replay = self.replays.get(stream)
        return replay if replay and replay.last is None else None

    def asked(self, stream: str) -> None:
        """Note that a stream has been asked for, perhaps again."""
        self.replays.setdefault(stream, Replay(self.waited))

    def came(self, place: Place) -> None:
        """Note that a stream has reached a place."""
        replay = self.replays.get(place.stream)
        if replay and replay.last is not None:
            replay.moved_at = self.waited
            if place.sequence >= replay.last:
                del self.replays[place.stream]

    def heard(self) -> None:
        """Note that a frame has come."""
        self.heard_at, self.pinged = self.waited, False

    def wants_ping(self) -> bool:
        """Return whether to ping now. Raises Dropped if a pong or a replay is overdue."""
        for stream, replay in self.replays.items():
            if self.waited - replay.moved_at >= STALLED_SECONDS:
                raise Dropped(f"{named(stream)} did not come within {STALLED_SECONDS:g} s")
        silence = self.waited - self.heard_at
        if silence >= PING_SECONDS + PONG_SECONDS:
            raise Dropped(f"nothing was heard for {silence:.0f} s")
        wanted = silence >= PING_SECONDS and not self.pinged and not self.replays
        self.pinged |= wanted
        return wanted

    def seconds(self) -> float:
        """Return the seconds until ``wants_ping`` has to be called again."""
        if not self.replays:
            return self.heard_at + PING_SECONDS + PONG_SECONDS * self.pinged - self.waited
        return min(replay.moved_at for replay in self.replays.values()) + STALLED_SECONDS - self.waited
