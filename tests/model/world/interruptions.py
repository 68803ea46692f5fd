"""What can happen to a function between any two things that it does to the outside world.

The outside is the store and the posts: each call there is a step, counted from 0 in each invocation.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Killed(BaseException):
    """The function's process has ended, as by a crash or a time-out. No function catches it."""


class FunctionFailed(Exception):
    """The function raised an error, or was killed."""


class StepFailed(Exception):
    """The outside did not do what it was asked, or did it and its answer was lost."""


class Fault(StrEnum):
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    FAILS = "fails"
    ANSWER_LOST = "answer lost"
    BLINKS = "blinks"
    """A read misses the log's first event, or a game, as it may while a transaction is just being made."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """At step ``at`` something goes wrong, or somebody else acts first: ``meanwhile`` is an action."""

    at: int
    fault: Fault | None = None
    meanwhile: Any = None


Interruptions = Sequence[Interruption]


class Invocation:
    """One run of a function. ``perform`` lets somebody else act."""

    def __init__(self, function: str, interruptions: Interruptions, perform: Callable[[Any], None]) -> None:
        self.function = function
        self.dead = False
        self.faults = 0
        self.gone: set[str] = set()
        """The connections for which a post of this invocation was answered 410."""
        self._interruptions = interruptions
        self._perform = perform
        self._steps = 0

    @contextmanager
    def step(self) -> Iterator[bool]:
        """Have around one call to the outside what is to happen there; yield whether a read is to blink.

        Raises Killed, StepFailed.
        """
        if self.dead:
            raise Killed
        due = [one for one in self._interruptions if one.at == self._steps]
        self._steps += 1
        faults = {one.fault for one in due if one.fault}
        self.faults += len(faults)
        for one in due:
            if one.meanwhile is not None:
                self._perform(one.meanwhile)
        if Fault.KILLED_BEFORE in faults:
            self._die()
        if Fault.FAILS in faults:
            raise StepFailed
        yield Fault.BLINKS in faults
        if Fault.KILLED_AFTER in faults:
            self._die()
        if Fault.ANSWER_LOST in faults:
            raise StepFailed

    def _die(self) -> None:
        self.dead = True
        raise Killed
