"""Parses and renders cursors: positions in streams of events, opaque to clients."""

from typing import Self

import msgspec

from chalicelib.errors import InvalidCursor


class Cursor(msgspec.Struct, frozen=True):
    """The position after event ``sequence`` of the stream that ``epoch`` names.

    An epoch is random and belongs to one stream for as long as its tables live. So a cursor of another
    stream, or of earlier tables, is detected. The sequences of a stream start at 1 and have no gaps; 0 is
    the beginning.
    """

    epoch: str
    sequence: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parse a cursor that a client sent; None if it does not have the form of a cursor."""
        epoch, colon, digits = text.rpartition(":")
        if not (epoch and colon and digits.isascii() and digits.isdigit() and len(digits) <= 12):  # noqa: PLR2004 - no stream gets that long
            return None
        return cls(epoch, int(digits))

    def __str__(self) -> str:
        return f"{self.epoch}:{self.sequence}"


BEGINNING = Cursor("", 0)
"""The position before the first event of any stream."""

NOW = Cursor("", -1)
"""The end of any stream, at the moment when it is read."""


def parse_since(since: str) -> Cursor:
    """Return the position that a client's ``since`` names: a cursor, "" or "now". Raises InvalidCursor."""
    named = {"": BEGINNING, "now": NOW}.get(since) or Cursor.parse(since)
    if named is None:
        raise InvalidCursor
    return named
