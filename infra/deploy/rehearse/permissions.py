"""Compares what the functions were seen to do with what their roles allow, both ways."""

import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

LAMBDAS_OWN = "Lambda"
"""How the Sid of a statement begins that is used by Lambda in the function's name, and not by our code."""


class Grant(NamedTuple):
    """One action on one resource that a function's role allows; ``resource`` is a pattern."""

    function: str
    action: str
    resource: str
    sid: str


class Call(NamedTuple):
    """One action on one resource that a function asked for."""

    function: str
    action: str
    resource: str
    allowed: bool


def grants_of(function: str, policy: dict[str, Any]) -> Iterator[Grant]:
    """Yield what a policy allows a function, action by action and resource by resource."""
    for statement in policy["Statement"]:
        actions, resources = (
            [value] if isinstance(value, str) else value
            for value in (statement["Action"], statement["Resource"])
        )
        for action in actions:
            yield from (Grant(function, action, resource, statement["Sid"]) for resource in resources)


def calls_of(lines: str) -> set[Call]:
    """Return what functions did, from the emulator's ``calls.jsonl``; what others did is left out."""
    calls = set()
    for call in map(json.loads, lines.splitlines()):
        kind, _, session = call["principal"].partition("/")
        if kind.endswith(":assumed-role"):
            function = session.partition("/")[2]
            calls.add(Call(function, call["action"], call["resource"], call["allowed"]))
    return calls


def findings(grants: Iterable[Grant], calls: set[Call]) -> list[str]:
    """Return a line for each call that was denied and each grant that no call needed; best none."""
    denied = [
        f"{function} was denied {action} on {resource}"
        for function, action, resource, allowed in calls
        if not allowed
    ]
    unused = [
        f"{grant.function} may do {grant.action} on {grant.resource} ({grant.sid}), and never did"
        for grant in grants
        if not grant.sid.startswith(LAMBDAS_OWN)
        and not any(call[:2] == grant[:2] and fnmatchcase(call.resource, grant.resource) for call in calls)
    ]
    return sorted(denied) + sorted(unused)
