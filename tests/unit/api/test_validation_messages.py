"""What a client is told about JSON that is not as it should be."""

import json

import msgspec
import pytest

from chalicelib.api.live import frames
from chalicelib.api.rest import bodies, problems
from chalicelib.api.validation_messages import HALF_A_CHARACTER
from chalicelib.errors import InvalidRequest


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (bodies.NewGame, "{}", "Expected a field title."),
        (bodies.NewGame, '{"title":"x","players":3}', "There is no field players here; leave it out."),
        (bodies.NewGame, '{"title":" "}', "Expected text that is not blank, in title."),
        (bodies.NewGame, '{"title":"\\u001f\\u0085\\ufeff"}', "Expected text that is not blank, in title."),
        (bodies.NewGame, '{"title":5}', "Expected text, got a whole number, in title."),
        (
            bodies.NewGame,
            '{"title":"x","min_players":0}',
            "Expected a whole number, 1 or more, in min_players.",
        ),
        (bodies.NewSession, '{"notes":[]}', "Expected text or null, got an array, in notes."),
        (
            bodies.NewSession,
            '{"notes":"' + "x" * 501 + '"}',
            "Expected text of 500 characters at most, in notes.",
        ),
        (bodies.NewVote, '{"username":"zoë","type":"UP"}', "Expected up or down, got 'UP', in type."),
        (bodies.NewVote, "[]", "Expected an object, got an array."),
        (bodies.NewVote, '{"username"', "The body is not JSON: it ends too early."),
        (bodies.NewVote, '{"username":"\\ud800', "The body is not JSON: it ends too early."),
        (bodies.NewSession, '{"notes":"\\ud800"}', f"The body is not JSON: {HALF_A_CHARACTER}."),
        (
            bodies.NewSession,
            '{"notes":"\\ud800 and more"}',
            f"The body is not JSON: {HALF_A_CHARACTER} (byte 16).",
        ),
        (bodies.NewSession, '{"notes":"\\udc00"}', f"The body is not JSON: {HALF_A_CHARACTER} (byte 16)."),
        (bodies.NewVote, b'{"username":"\xff"}', "The body is not JSON: it is not UTF-8."),
        (bodies.NewSession, "{} {}", "The body is not JSON: trailing characters (byte 4)."),
    ],
)
def test_a_body_is_refused_in_words(kind: type[msgspec.Struct], text: str | bytes, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.body_of(text, kind)

    assert refused.value.detail == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"type":"subscribe"}', "Expected a field sessionId."),
        ('{"type":"subscribe","sessionId":"17"}', "Expected a whole number, got text, in sessionId."),
        ('{"type":"auth","token":"\\uD83D"}', f"The frame is not JSON: {HALF_A_CHARACTER}."),
        ("{", "The frame is not JSON: it ends too early."),
        ("[]", "Expected an object, got an array."),
    ],
)
def test_a_frame_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        frames.read_frame(text)

    assert refused.value.detail == said


def test_what_is_no_json_is_an_error_of_the_body() -> None:
    with pytest.raises(InvalidRequest) as refused:
        bodies.body_of("{", bodies.NewSession)

    [one] = json.loads(problems.problem_of(refused.value).body)["errors"]
    assert one == {"field": "(the whole body)", "message": "The body is not JSON: it ends too early"}


def test_no_error_repeats_all_that_was_sent() -> None:
    with pytest.raises(InvalidRequest) as unknown:
        bodies.body_of('{"' + "x" * 9000 + '":1}', bodies.NewSession)
    with pytest.raises(InvalidRequest) as no_choice:
        bodies.body_of('{"username":"z","type":"' + "x" * 9000 + '"}', bodies.NewVote)

    assert len(unknown.value.detail) < 100
    assert len(no_choice.value.detail) < 100


def test_another_content_type_is_told_which_header_it_takes() -> None:
    told = problems.problem_of_framework(415, "Unsupported media type: text/plain")

    assert "Content-Type: application/json" in json.loads(told.body)["detail"]
    assert "text/plain" in json.loads(told.body)["detail"]
