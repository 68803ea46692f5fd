"""Event patterns, as Lambda filters the records of a stream by.

As documented under "Control which events Lambda sends to your function": a field has any of the listed
values. Knows exact values, prefix, suffix, anything-but and exists; another operator is an error, since a
filter that is half understood would lose events in silence.
"""

from collections.abc import Callable, Mapping
from typing import Any

MISSING = object()


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Say whether an event has all fields that a pattern names, with values that it allows.

    Raises ValueError for an operator that is not known here.
    """
    for name, wanted in pattern.items():
        found = event.get(name, MISSING) if isinstance(event, Mapping) else MISSING
        if isinstance(wanted, Mapping):
            if not matches(wanted, found):
                return False
        elif not _allows(wanted, found):
            return False
    return True


def _allows(rules: list[Any], found: Any) -> bool:
    values = found if isinstance(found, list) else [found]
    return any(_fits(rule, value) for rule in rules for value in values)


def _fits(rule: Any, value: Any) -> bool:
    if not isinstance(rule, Mapping):
        return type(rule) is type(value) and bool(rule == value)
    [(operator, operand)] = rule.items()
    if operator not in _OPERATORS:
        raise ValueError(f"The operator {operator!r} of an event pattern is not known here.")
    return _OPERATORS[operator](operand, value)


def _anything_but(operand: Any, value: Any) -> bool:
    excluded = operand if isinstance(operand, list) else [operand]
    return value is not MISSING and not any(_fits(rule, value) for rule in excluded)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": lambda operand, value: isinstance(value, str) and value.startswith(operand),
    "suffix": lambda operand, value: isinstance(value, str) and value.endswith(operand),
    "exists": lambda operand, value: (value is not MISSING) is operand,
    "anything-but": _anything_but,
}
