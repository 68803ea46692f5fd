"""The AsyncAPI document against the code that it speaks of."""

from typing import Any

import pytest

from chalicelib.api.live import frames
from infra.specifications import asyncapi as generator
from infra.specifications.schemas import Incomplete
from tests.specifications.conftest import tree, wrong

OF_REST = {
    "game_not_found",
    "guest_not_found",
    "idempotency_mismatch",
    "invalid_request",
    "invite_expired",
    "invite_not_found",
    "name_taken",
    "no_active_session",
    "no_game",
    "payload_too_large",
    "not_found",
    "session_closed",
    "token_missing",
    "too_many_attempts",
    "too_many_games",
    "vote_not_found",
}


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
        "token_revoked": "yes",
        "too_many_frames": "if it continues",
    }
    assert {one["code"] for one in told if one["unasked"]} == {
        "auth_timeout",
        "token_expired",
        "token_revoked",
    }


def test_every_code_is_documented_and_whether_to_retry(asyncapi: Any) -> None:
    told = {one["code"]: one["retryable"] for one in asyncapi["components"]["messages"]["error"]["x-errors"]}
    refusals = asyncapi["components"]["schemas"]["AuthError"]["properties"]["code"]["enum"]

    assert told == {kind.code: kind.retryable for kind in tree() if kind.code in told}
    assert told.keys() | set(refusals) == {kind.code for kind in tree()} - OF_REST


def test_every_message_shows_itself_as_its_schema_says(asyncapi: Any) -> None:
    for name, message in asyncapi["components"]["messages"].items():
        assert message["summary"], name
        assert message["examples"], name
        for example in message["examples"]:
            assert wrong(asyncapi, message["payload"], example["payload"]) == [], name
            assert example["payload"]["type"] == message["name"]
