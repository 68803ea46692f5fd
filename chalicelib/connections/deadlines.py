"""Defines deadlines of connections: what is due, and when. ``lifetime`` computes them."""

from enum import StrEnum

import msgspec


class DeadlineKind(StrEnum):
    """What is due."""

    AUTHENTICATE = "authenticate"
    TOKEN_EXPIRING = "token_expiring"  # noqa: S105 - the name of a moment
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - likewise
    MAX_AGE = "max_age"
    END = "end"


class Deadline(msgspec.Struct, frozen=True, order=True):
    """Something that is due at ``at``, in Unix seconds."""

    at: int
    kind: DeadlineKind

    @property
    def minute(self) -> int:
        """The minute, counted from 1970, in which it is due. Deadlines are found by their minute."""
        return minute_of(self.at)


def minute_of(seconds: float) -> int:
    """Return the minute that a moment in Unix seconds is in."""
    return int(seconds // 60)
