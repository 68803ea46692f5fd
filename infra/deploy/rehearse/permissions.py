"""What the functions were seen to do against what their roles allow, both ways. Knows only documents."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

LAMBDAS_OWN = "Lambda"
"""How the Sid of a statement begins that is used by Lambda in the function's name, and not by our code."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one resource that a function's role allows."""

    function: str
    sid: str
    action: str
    resource: str

    def covers(self, call: "Call") -> bool:
        """Say whether a call needs this grant, or one like it."""
        return (
            self.function == call.function
            and self.action == call.action
            and fnmatchcase(call.resource, self.resource)
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One action on one resource that a function asked for."""

    function: str
    action: str
    resource: str
    allowed: bool


def grants_of(function: str, policy: dict[str, Any]) -> Iterator[Grant]:
    """Yield what a policy allows a function, action by action and resource by resource."""
    for statement in policy["Statement"]:
        for action in _list(statement["Action"]):
            for resource in _list(statement["Resource"]):
                yield Grant(function, statement["Sid"], action, resource)


def calls_of(lines: str) -> set[Call]:
    """Return what functions did, from the emulator's ``calls.jsonl``; what others did is left out."""
    calls = set()
    for line in lines.splitlines():
        call = json.loads(line)
        resource, _, session = call["principal"].partition("/")
        if resource.endswith(":assumed-role"):
            function = session.partition("/")[2]
            calls.add(Call(function, call["action"], call["resource"], call["allowed"]))
    return calls


def findings(grants: Sequence[Grant], calls: Iterable[Call]) -> list[str]:
    """Return a line for each call that was denied and each grant that no call needed; best none."""
    asked = set(calls)
    denied = [
        f"{call.function} was denied {call.action} on {call.resource}" for call in asked if not call.allowed
    ]
    unused = [
        f"{grant.function} may do {grant.action} on {grant.resource} ({grant.sid}), and never did"
        for grant in grants
        if not grant.sid.startswith(LAMBDAS_OWN) and not any(grant.covers(call) for call in asked)
    ]
    return sorted(denied) + sorted(unused)


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
