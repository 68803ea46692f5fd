from typing import Any

import pytest

from infra.event_sources import EVENTS_ONLY
from infra.local.event_pattern import matches

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
    ("name", "key", "wanted"),
    [
        ("INSERT", "event#0000000001", True),
        ("REMOVE", "event#0000000001", False),
        ("INSERT", "head", False),
        ("MODIFY", "head", False),
    ],
)
def test_only_the_logs_growth_is_delivered(name: str, key: str, *, wanted: bool) -> None:
    record = {"eventName": name, "dynamodb": {"Keys": {"PK": {"S": "session#1"}, "SK": {"S": key}}}}

    assert matches(EVENTS_ONLY, record) is wanted
