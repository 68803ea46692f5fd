"""The AsyncAPI document against the code that it speaks of."""

from typing import Any

import pytest

from chalicelib.api.live import frames
from chalicelib.nights.events import EventType
from infra.specifications import asyncapi as generator
from infra.specifications.errors import tree
from infra.specifications.schemas import Incomplete
from tests.specifications.conftest import wrong

OF_REST = {
    "forbidden",
    "game_not_found",
    "idempotency_mismatch",
    "invalid_request",
    "no_active_session",
    "no_game",
    "payload_too_large",
    "not_found",
    "session_closed",
    "token_missing",
    "too_many_games",
}


def names(asyncapi: Any, action: str) -> set[str]:
    """Return the names of the messages that operations of an action begin with."""
    references = [
        message["$ref"].rpartition("/")[2]
        for operation in asyncapi["operations"].values()
        if operation["action"] == action
        for message in operation["messages"]
    ]
    return {asyncapi["components"]["messages"][name]["name"] for name in references}


def test_what_clients_send_is_what_is_read(asyncapi: Any) -> None:
    assert names(asyncapi, "receive") == frames.FRAME_TYPES


def test_events_notices_and_endings_are_sent_unasked(asyncapi: Any) -> None:
    notices = {kind.__struct_config__.tag for kind in frames.Notice.__subclasses__()}

    assert names(asyncapi, "send") == {*EventType, *notices, "error"}


def test_a_frame_without_a_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "FRAME_TYPES", {*frames.FRAME_TYPES, "wave"})

    with pytest.raises(Incomplete, match="wave"):
        generator.document()


def test_errors_say_what_they_do_to_the_connection(asyncapi: Any) -> None:
    told = asyncapi["components"]["messages"]["error"]["x-errors"]

    assert {one["code"]: one["closes"] for one in told if one["closes"] != "no"} == {
        "auth_timeout": "yes",
        "connection_unknown": "yes",
        "token_expired": "yes",
        "too_many_frames": "who goes on",
    }
    assert {one["code"] for one in told if one["unasked"]} == {"auth_timeout", "token_expired"}


def test_every_code_is_documented_and_whether_to_retry(asyncapi: Any) -> None:
    told = {one["code"]: one["retryable"] for one in asyncapi["components"]["messages"]["error"]["x-errors"]}
    refusals = asyncapi["components"]["schemas"]["AuthError"]["properties"]["code"]["enum"]

    assert told == {kind.code: kind.retryable for kind in tree() if kind.code in told}
    assert told.keys() | set(refusals) == {kind.code for kind in tree()} - OF_REST


def test_an_error_is_retryable_if_its_code_is(asyncapi: Any) -> None:
    told = [("unavailable", True), ("invalid_frame", False), ("unavailable", False), ("made_up", False)]
    error, schema = {"type": "error", "message": "Told."}, {"$ref": "#/components/schemas/Error"}

    valid = [
        wrong(asyncapi, schema, {**error, "code": code, "retryable": retryable}) == []
        for code, retryable in told
    ]

    assert valid == [True, True, False, False]


def test_every_message_shows_itself_as_its_schema_says(asyncapi: Any) -> None:
    for name, message in asyncapi["components"]["messages"].items():
        assert message["summary"], name
        assert message["examples"], name
        for example in message["examples"]:
            assert wrong(asyncapi, message["payload"], example["payload"]) == [], name
            assert example["payload"]["type"] == message["name"]


def test_the_event_of_the_seed_is_shown(asyncapi: Any) -> None:
    plain, resuming = asyncapi["components"]["messages"]["session_started"]["examples"]

    assert plain["payload"] == {
        "type": "session.started",
        "timestamp": "2025-11-01T20:00:00.123Z",
        "data": {
            "session": {
                "id": 17,
                "is_active": 1,
                "created_at": "2025-11-01T20:00:00.123Z",
                "notes": "Friday Game Night",
            }
        },
    }
    place = {"stream": "sessions", "sequence": 17, "cursor": "5f0c9a1e:17"}
    assert resuming["payload"] == plain["payload"] | place
