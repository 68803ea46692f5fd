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

PLACE = re.compile(r"([0-9]{1,12})/([0-9]{1,12})")
CURSOR = re.compile(r"[0-9A-Za-z_-]{1,64}:[0-9]{1,12}")


class NotTraceable(ClickException):
    """An event can't be followed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Query:
    """An event by a field of its lines: ``event``, its place, such as ``17/3``, or ``cursor``.

    ``session`` is 0 where it does not matter.
    """

    field: str
    value: str
    session: int = 0

    @classmethod
    def parse(cls, text: str, session: int = 0) -> Self:
        """Return what somebody typed. Raises NotTraceable."""
        of_session = session and text.isascii() and text.isdigit()
        if place := PLACE.fullmatch(f"{session}/{text}" if of_session else text):
            return cls("event", f"{int(place[1])}/{int(place[2])}", session)
        if CURSOR.fullmatch(text):
            return cls("cursor", text, session)
        raise NotTraceable(
            f"{text!r} is no event. Name its session and its number in it, such as 17/3, or a cursor that a "
            "client was given, such as 8a4cf59e:3. The first event of a session is its start: 17/1."
        )

    def is_in(self, line: Line) -> bool:
        """Say whether a line is about this event."""
        return line.get(self.field) == self.value and self.session in (0, line.get("session_id"))
