"""Matches a stream's records against event patterns, as Lambda's filters do.

As documented under "Control which events Lambda sends to your function": a field has any of the listed
values. It knows exact values and prefixes, which the stack uses. Another operator is an error, since half a
filter would lose events in silence.
"""

from collections.abc import Mapping
from typing import Any


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Say whether an event has all fields that a pattern names, with values that it allows.

    Raises ValueError for an operator that is not known here.
    """
    return isinstance(event, Mapping) and all(
        matches(wanted, event.get(name))
        if isinstance(wanted, Mapping)
        else any(_fits(rule, event.get(name)) for rule in wanted)
        for name, wanted in pattern.items()
    )


def _fits(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return type(rule) is type(value) and bool(rule == value)
    if [*rule] != ["prefix"]:
        raise ValueError(f"The rule {rule!r} of an event pattern is not known here.")
    return isinstance(value, str) and value.startswith(rule["prefix"])
