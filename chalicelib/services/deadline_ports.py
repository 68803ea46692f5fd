"""What the sweep needs of the outside world beyond ``ports``: deadlines that were reached, and the notices.

``storage`` and ``wire`` implement these Protocols; the tests' fakes do too. Every read is strongly
consistent, and every method of the store raises Unavailable where it does not answer or is throttling.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.connections import Connection
from chalicelib.domain.deadlines import Deadline, DeadlineKind
from chalicelib.domain.errors import GameNightError


@dataclass(frozen=True, slots=True)
class Reached:
    """A deadline that has passed, as it was found; ``revision`` is that of the connection at the time."""

    connection_id: str
    deadline: Deadline
    revision: int


@dataclass(frozen=True, slots=True)
class DeadlinePage:
    """A part of one shard of a minute's deadlines; ``next_after`` is None on the last page."""

    reached: Sequence[Reached]
    next_after: str | None


class DeadlineStore(Protocol):
    """Deadlines by the minute in which they are due, and what becomes of the connections behind them.

    ``ConnectionStore`` puts, moves and removes deadlines together with their connections.
    """

    def swept_to(self) -> int | None:
        """Return the last minute of which nothing is left to do; None where there was never a sweep."""
        ...

    def mark_swept(self, minute: int) -> None:
        """Note that nothing is left to do up to a minute. A later one that was noted before stays."""
        ...

    def page(self, minute: int, shard: int, until: int, after: str | None = None) -> DeadlinePage:
        """Return the next page of one shard of a minute's deadlines, those due until a Unix second."""
        ...

    def drop(self, reached: Reached) -> None:
        """Remove a deadline that no connection has, unless it was put anew since it was found."""
        ...

    def claim(self, connection: Connection, now: int) -> Connection | None:
        """Begin to close a connection, and return it as it is then.

        Nothing can come of it any more: it can neither authenticate nor join. None where it has changed since
        it was read.
        """
        ...

    def move(
        self, connection: Connection, deadline: Deadline, told: frozenset[DeadlineKind]
    ) -> Connection | None:
        """Give a connection its next deadline, and return it as it is then.

        ``told`` replaces what it need not be told again. None where it has changed since it was read.
        """
        ...


class Notices(Protocol):
    """The frames that the server sends without being asked, but for events."""

    def error(self, error: GameNightError) -> bytes:
        """Return the frame that says why a connection is closed."""
        ...

    def token_expiring(self, expires_at: int) -> bytes:
        """Return the frame that asks for another token; ``expires_at`` is in Unix seconds."""
        ...

    def reconnect(self, after_milliseconds: int) -> bytes:
        """Return the frame that asks a client to connect anew after so long."""
        ...
