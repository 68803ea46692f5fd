"""What a measure has found out, and whether that is what the documents promise."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How what was found stands to what is promised."""

    HOLDS = "holds"
    CONTRADICTED = "contradicted"
    SHOWN = "shown"
    """Nothing is promised."""
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, and what was found."""

    verdict: Verdict
    text: str


class NotMeasured(Exception):
    """The stage can't answer; the message says why."""


def judged(text: str, *, holds: bool) -> Finding:
    """Return what was found about a promise."""
    return Finding(Verdict.HOLDS if holds else Verdict.CONTRADICTED, text)
