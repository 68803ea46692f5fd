"""Compares what the functions did with what their roles allow."""

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

LAMBDAS_OWN = "Lambda"
"""The Sid of a statement begins so if Lambda needs it, and not our code."""


def findings(policies: Mapping[str, Iterable[Mapping[str, Any]]], calls: str) -> list[str]:
    """Return a line for each call that was denied, and each that is allowed and was never made.

    ``policies`` are those of each function's role, ``calls`` the emulator's ``calls.jsonl``.
    """
    made = {one for one in map(_call_of, calls.splitlines()) if one}
    found = sorted(
        f"{function} was denied {what} on {which}" for function, what, which, allowed in made if not allowed
    )
    for function, documents in policies.items():
        for statement in (one for document in documents for one in document["Statement"]):
            for what, which in product(_list(statement["Action"]), _list(statement["Resource"])):
                used = any(one[:2] == (function, what) and fnmatchcase(one[2], which) for one in made)
                if not used and not statement["Sid"].startswith(LAMBDAS_OWN):
                    found.append(f"{function} may do {what} on {which} ({statement['Sid']}), and never did")
    return found


def _call_of(line: str) -> tuple[str, str, str, bool] | None:
    """Return a function or a user, what it did, on what, and whether it may; None for the account's own."""
    call = json.loads(line)
    kind, _, session = call["principal"].partition("/")
    if not kind.endswith((":assumed-role", ":user")):
        return None
    return session.rpartition("/")[2], call["action"], call["resource"], call["allowed"]


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
