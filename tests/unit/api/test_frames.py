import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.live import frames
from chalicelib.errors import InvalidFrame, InvalidJson, InvalidRequest, UnknownFrameType


@pytest.mark.parametrize(
    ("text", "error", "field"),
    [
        ("", InvalidJson, None),
        ("{", InvalidJson, None),
        ("nope", InvalidJson, None),
        ('{"type":"ping"', InvalidJson, None),
        ("[" * 100_000, InvalidRequest, None),
        ("[]", InvalidFrame, "(the whole frame)"),
        ("5", InvalidFrame, "(the whole frame)"),
        ("null", InvalidFrame, "(the whole frame)"),
        ("{}", InvalidFrame, None),
        ('{"type":5}', InvalidFrame, None),
        ('{"type":"dance"}', UnknownFrameType, None),
        ('{"type":"auth"}', InvalidFrame, "token"),
        ('{"type":"auth","token":5}', InvalidFrame, "token"),
        ('{"type":"subscribe","sessionId":"17"}', InvalidFrame, "sessionId"),
        ('{"type":"subscribe","sessionId":0}', InvalidFrame, "sessionId"),
        ('{"type":"subscribe","sessionId":1.5}', InvalidFrame, "sessionId"),
        ('{"type":"subscribe","sessionId":1e400}', InvalidRequest, None),
        ('{"type":"subscribe","sessionId":' + "9" * 40 + "}", InvalidFrame, "sessionId"),
        ('{"type":"subscribe","sessionId":17,"since":5}', InvalidFrame, "since"),
        ('{"type":"auth","token":"t","since":null}', InvalidFrame, "since"),
        ('{"type":"ping","since":""}', InvalidFrame, "since"),
        ('{"type":"ping","id":true}', InvalidFrame, "id"),
        ('{"type":"ping","extra":1}', InvalidFrame, "extra"),
        ('{"type":"ping","id":"' + "x" * 33_000 + '"}', InvalidFrame, None),
    ],
)
def test_a_frame_that_is_not_in_the_contract_is_named(
    text: str, error: type[InvalidRequest], field: str | None
) -> None:
    with pytest.raises(error) as refused:
        frames.read_frame(text)

    assert refused.value.detail
    if field is not None:
        assert [one.field for one in refused.value.errors] == [field]


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"type":"ping"}', frames.Ping()),
        ('{"id":"a","type":"ping"}', frames.Ping(id="a")),
        ('{"type":"auth","token":"t"}', frames.Auth(token="t")),
        ('{"type":"subscribe","sessionId":17,"id":9}', frames.Subscribe(id=9, session_id=17)),
        ('{"type":"subscribe","sessionId":1.0,"id":2.0}', frames.Subscribe(id=2, session_id=1)),
        ('{"type":"unsubscribe","sessionId":17e0}', frames.Unsubscribe(session_id=17)),
        ('{"type":"subscribe","sessionId":17,"since":""}', frames.Subscribe(session_id=17, since="")),
        ('{"type":"auth","token":"t","since":"e:5"}', frames.Auth(token="t", since="e:5")),
        ('{"type":"unsubscribe","sessionId":17}', frames.Unsubscribe(session_id=17)),
    ],
)
def test_a_frame_of_the_contract_is_read(text: str, frame: frames.ClientFrame) -> None:
    assert frames.read_frame(text) == frame


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"nope","id":7}', 7),
        ('{"type":"nope","id":7.0}', 7),
        ('{"type":"nope","id":7.5}', None),
        ('{"type":"nope","id":"x"}', "x"),
        ('{"type":"nope","id":true}', None),
        ('{"type":"nope","id":[1]}', None),
        ('{"type":"nope"}', None),
        ("{", None),
    ],
)
def test_the_id_of_a_bad_frame_is_echoed_where_possible(text: str, expected: Any) -> None:
    assert frames.frame_id(text) == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.text(max_size=100)
    | json_values.map(json.dumps)
    | st.dictionaries(
        st.sampled_from(["type", "id", "token", "sessionId", "since"]),
        json_values | st.sampled_from(["auth", "subscribe", "ping"]),
    ).map(json.dumps)
)
def test_no_text_raises_anything_but_a_refusal(text: str) -> None:
    try:
        frame = frames.read_frame(text)
    except InvalidRequest as refused:
        answer = json.loads(frames.error_frame(refused, frames.frame_id(text)))
        assert answer["type"] == "error"
        assert answer["code"] in {"invalid_json", "invalid_frame", "unknown_type"}
    else:
        assert isinstance(frame, frames.Frame)
