"""What a frame is answered, on a connection that is fine and on one that is not."""

import json
from typing import Any

import pytest

from tests.fakes.identity import FAR_FUTURE, claims
from tests.unit.api.live import AUTH, Live

FRAMES = [
    '{"type":"ping","id":7}',
    '{"type":"auth","token":"kosmi:bot","id":7}',
    '{"type":"auth","token":"junk","id":7}',
    '{"type":"subscribe","sessionId":1,"id":7}',
    '{"type":"unsubscribe","sessionId":1,"id":7}',
    '{"type":"dance","id":7}',
    '{"type":"ping","extra":1,"id":7}',
]


def expiring() -> Live:
    """Return a client whose token expires at 2000."""
    live = Live()
    live.tokens.expires_at = 2000
    live.reply(AUTH)
    live.tokens.expires_at = FAR_FUTURE
    return live


def close(live: Live) -> None:
    """Begin to close the connection, as the sweep does."""
    live.store.claim(live.store.get("abc=") or pytest.fail("gone"), round(live.now))


@pytest.mark.parametrize("space", [" ", "\n", "\t", "\r\n", "\u00a0", "\u2028"])
def test_white_space_around_a_token_is_ignored(space: str) -> None:
    token = json.dumps(f"{space}kosmi:bot{space}")

    assert Live().answer(f'{{"type":"auth","token":{token}}}')["sub"] == "kosmi"


def test_a_defect_shows_no_trace(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def defect(*_: Any) -> Any:
        raise ZeroDivisionError

    live = Live()
    monkeypatch.setattr(live.connections, "require_open", defect)

    answer = live.answer('{"type":"ping","id":7}')

    assert (answer["code"], answer["id"]) == ("internal_error", 7)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("closing", [False, True])
@pytest.mark.parametrize("frame", FRAMES)
def test_any_frame_after_expiry_closes_the_connection(frame: str, *, closing: bool) -> None:
    live = expiring()
    live.pass_until(2000)
    if closing:
        close(live)

    reply = live.reply(frame)

    answer = json.loads(reply.frame)
    assert (answer["type"], answer["code"], answer["id"]) == ("error", "token_expired", 7)
    assert reply.close


def test_a_new_token_just_before_expiry_is_enough() -> None:
    live = expiring()
    live.pass_until(1999.9)

    renewed = live.answer(AUTH)
    live.pass_until(2000)

    assert renewed["type"] == "auth_success"
    assert live.answer('{"type":"ping"}')["type"] == "pong"


def test_a_token_in_the_verifiers_leeway_is_refused() -> None:
    class Lenient:
        def verify(self, _: str) -> Any:
            return claims("kosmi", expires_at=1000)

    live = Live()
    live.connections._tokens = Lenient()

    reply = live.reply('{"type":"auth","token":"a second late"}')

    answer = json.loads(reply.frame)
    assert (answer["type"], answer["code"]) == ("auth_error", "token_expired")
    assert not reply.close


@pytest.mark.parametrize("frame", FRAMES)
def test_an_unknown_connection_is_told_so_and_closed(frame: str) -> None:
    live = Live()
    live.store.remove("abc=")

    reply = live.reply(frame)

    assert json.loads(reply.frame)["code"] == "connection_unknown"
    assert reply.close


def test_a_connection_that_is_being_closed_is_unknown() -> None:
    live = expiring()
    close(live)

    assert live.answer('{"type":"ping"}')["code"] == "connection_unknown"


def test_a_bad_frame_is_answered_without_the_store() -> None:
    live = expiring()
    live.store.down = True

    assert live.answer("nope")["code"] == "invalid_json"
    assert live.answer('{"type":"ping"}')["code"] == "unavailable"


def test_nothing_is_read_for_frames_beyond_the_limit() -> None:
    live = Live()
    before = [live.reply("nope") for _ in range(10)]
    live.store.down = True

    refused = [live.reply('{"type":"ping","id":7}') for _ in range(10)]

    answer = json.loads(refused[0].frame)
    assert not any(reply.close for reply in before)
    assert (answer["code"], answer["id"], answer["retryable"]) == ("too_many_frames", 7, True)
    assert [reply.close for reply in refused] == [False] * 9 + [True]
