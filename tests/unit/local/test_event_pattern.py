from typing import Any

import pytest

from infra.deploy.event_sources import PATTERNS
from infra.local.triggers.event_pattern import matches

RECORD = {"eventName": "INSERT", "dynamodb": {"Keys": {"SK": {"S": "event#0000000001"}}, "tags": ["a", "b"]}}


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"eventName": ["INSERT"]},
        {"eventName": ["MODIFY", "INSERT"]},
        {"dynamodb": {"Keys": {"SK": {"S": [{"prefix": "event#"}]}}}},
        {"dynamodb": {"Keys": {"SK": {"S": [{"suffix": "1"}]}}}},
        {"dynamodb": {"tags": ["b"]}},
        {"eventName": [{"anything-but": ["REMOVE"]}]},
        {"eventName": [{"exists": True}], "userIdentity": [{"exists": False}]},
        {"dynamodb": {"NewImage": {"PK": [{"exists": False}]}}},
    ],
)
def test_a_record_matches(pattern: dict[str, Any]) -> None:
    assert matches(pattern, RECORD)


@pytest.mark.parametrize(
    "pattern",
    [
        {"eventName": []},
        {"eventName": ["MODIFY"]},
        {"eventName": ["INSERT"], "dynamodb": {"Keys": {"PK": {"S": ["x"]}}}},
        {"dynamodb": {"Keys": {"SK": {"S": [{"prefix": "vote#"}]}}}},
        {"eventName": [{"anything-but": "INSERT"}]},
        {"userIdentity": [{"anything-but": "x"}]},
        {"eventName": [1]},
    ],
)
def test_a_record_does_not_match(pattern: dict[str, Any]) -> None:
    assert not matches(pattern, RECORD)


def test_an_operator_that_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="numeric"):
        matches({"eventName": [{"numeric": [">", 1]}]}, RECORD)


@pytest.mark.parametrize(
    ("name", "partition", "key", "wanted"),
    [
        ("INSERT", "session#1", "event#0000000001", True),
        ("REMOVE", "session#1", "event#0000000001", False),
        ("INSERT", "session#1", "head", False),
        ("MODIFY", "session#1", "head", False),
        ("INSERT", "pending#1", "01762027200000#id", True),
        ("REMOVE", "pending#1", "01762027200000#id", False),
    ],
)
def test_only_new_events_and_pending_votes_reach_broadcast(
    name: str, partition: str, key: str, *, wanted: bool
) -> None:
    record = {"eventName": name, "dynamodb": {"Keys": {"PK": {"S": partition}, "SK": {"S": key}}}}

    assert any(matches(pattern, record) for pattern in PATTERNS) is wanted
