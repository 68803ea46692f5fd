"""Frames as they are read, and the notices that nobody has asked for. Refusals of all kinds: conformance."""

import json
from typing import Any

import pytest

from chalicelib.api.live import frames
from chalicelib.api.live.notices import FrameNotices, scheduled_at
from chalicelib.api.validation_messages import HALF_A_CHARACTER
from chalicelib.errors import AuthTimeout, InvalidRequest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"type":"subscribe","sessionId":"17"}', "Expected a whole number, got text, in sessionId."),
        ('{"type":"auth","token":"\\uD83D"}', f"The frame is not JSON: {HALF_A_CHARACTER}."),
        ('{"type":"ping","since":""}', "There is no field since here; leave it out."),
        ('{"type":"ping","id":"' + "x" * 33_000 + '"}', "A frame has 32 KB at most."),
        ("{", "The frame is not JSON: it ends too early."),
        ("{}", 'A frame is a JSON object with a text "type".'),
        ('{"type":"?"}', "The types that a client can send are auth, ping, subscribe, unsubscribe."),
    ],
)
def test_a_frame_is_refused_in_words(text: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        frames.read_frame(text)

    assert refused.value.detail == told


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"id":"a","type":"ping"}', frames.Ping(id="a")),
        ('{"type":"auth","token":"t"}', frames.Auth(token="t")),
        ('{"type":"auth","token":"t","since":"e:5"}', frames.Auth(token="t", since="e:5")),
        ('{"type":"subscribe","sessionId":1.0,"id":2.0}', frames.Subscribe(id=2, session_id=1)),
        ('{"type":"subscribe","sessionId":17,"since":""}', frames.Subscribe(session_id=17, since="")),
        ('{"type":"unsubscribe","sessionId":17e0}', frames.Unsubscribe(session_id=17)),
    ],
)
def test_a_frame_of_the_contract_is_read(text: str, frame: frames.ClientFrame) -> None:
    assert frames.read_frame(text) == frame


@pytest.mark.parametrize(
    ("frame_id", "echoed"),
    [("7", 7), ("7.0", 7), ("7.5", None), ('"x"', "x"), ("true", None), ("[1]", None), ("null", None)],
)
def test_a_bad_frames_id_is_echoed_where_possible(frame_id: str, echoed: Any) -> None:
    assert frames.frame_id(f'{{"type":"nope","id":{frame_id}}}') == echoed
    assert frames.frame_id("{") is None


def test_notices_are_as_the_contract_shows() -> None:
    timeout = json.loads(FrameNotices().error(AuthTimeout()))
    expiring = json.loads(FrameNotices().token_expiring(1_762_027_200))
    reconnect = json.loads(FrameNotices().reconnect(137_042))

    told = {"code": "auth_timeout", "message": AuthTimeout().detail, "retryable": False}
    assert timeout == {"type": "error", **told}
    assert expiring == {"type": "token_expiring", "expiresAt": "2025-11-01T20:00:00.000Z"}
    assert reconnect == {"type": "reconnect", "reason": "max_connection_age", "afterMs": 137_042}


@pytest.mark.parametrize("time", ["20:00:00Z", "20:00:00.000Z", "20:00:00+00:00"])
def test_a_schedules_time_is_read_as_unix_seconds(time: str) -> None:
    assert scheduled_at({"time": f"2025-11-01T{time}"}) == 1_762_027_200
