"""Which event is asked for, and which log lines are about it.

The fields are those that ``chalicelib.delivery.delivery_log`` puts into every line about an event.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from click import ClickException

Line = Mapping[str, Any]
"""A line of a log, as ``chalicelib.logs`` renders it."""

PLACE = re.compile(r"[0-9]{1,12}/[0-9]{1,12}")
CURSOR = re.compile(r"[0-9A-Za-z_-]{1,64}:[0-9]{1,12}")


class NotTraceable(ClickException):
    """An event can't be followed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Query:
    """An event by its place, such as ``17/3``, or by a cursor; ``session`` is 0 where it does not matter."""

    place: str = ""
    cursor: str = ""
    session: int = 0

    @classmethod
    def parse(cls, text: str, session: int = 0) -> Self:
        """Return what somebody typed. Raises NotTraceable."""
        if PLACE.fullmatch(text):
            number, _, sequence = text.partition("/")
            return cls(place=f"{int(number)}/{int(sequence)}", session=session)
        if session and text.isascii() and text.isdigit():
            return cls(place=f"{session}/{int(text)}", session=session)
        if CURSOR.fullmatch(text):
            return cls(cursor=text, session=session)
        raise NotTraceable(
            f"{text!r} is no event. Name its session and its number in it, such as 17/3, or a cursor that a "
            "client was given, such as 8a4cf59e:3. The first event of a session is its start: 17/1."
        )

    @property
    def name(self) -> str:
        """What it was asked for by."""
        return self.place or self.cursor

    def is_in(self, line: Line) -> bool:
        """Say whether a line is about this event."""
        if self.session and line.get("session_id") != self.session:
            return False
        if self.place:
            return line.get("event") == self.place
        return self.cursor == line.get("cursor")

    @property
    def pattern(self) -> str:
        """The filter pattern that makes CloudWatch find these lines, and perhaps more."""
        if self.place:
            return f'{{ $.event = "{self.place}" }}'
        return f'{{ $.cursor = "{self.cursor}" }}'
