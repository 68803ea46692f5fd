"""Holds what a measure has found, and whether it agrees with the documents."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether a finding agrees with what the documents promise."""

    HOLDS = "holds"
    CONTRADICTED = "contradicted"
    SHOWN = "shown"
    """The documents promise nothing."""
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, and what was found."""

    verdict: Verdict
    text: str


class NotMeasured(Exception):
    """The stage can't answer; the message says why."""


def judged(text: str, *, holds: bool) -> Finding:
    """Return a finding about a promise."""
    return Finding(Verdict.HOLDS if holds else Verdict.CONTRADICTED, text)
