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


def test_auth_is_answered_as_the_contract_shows() -> None:
    assert list(Live().told(AUTH)) == ["type", "message", "sub", "role", "expiresAt"]


def test_subscribe_and_unsubscribe_are_answered_with_the_session() -> None:
    live = Live()
    live.reply(AUTH)

    subscribed = live.reply('{"type":"subscribe","sessionId":1.0}')
    unsubscribed = live.reply('{"type":"unsubscribe","sessionId":1,"id":"u"}')

    assert subscribed.frame == b'{"type":"subscribed","sessionId":1}'
    assert json.loads(unsubscribed.frame) == {"type": "unsubscribed", "sessionId": 1, "id": "u"}


@pytest.mark.parametrize("space", [" ", "\n", "\t", "\r\n", "\u00a0", "\u2028"])
def test_white_space_around_a_token_is_no_part_of_it(space: str) -> None:
    token = json.dumps(f"{space}kosmi:bot{space}")

    assert Live().told(f'{{"type":"auth","token":{token}}}')["sub"] == "kosmi"


def test_the_third_bad_token_closes_the_connection() -> None:
    live = Live()

    replies = [live.reply('{"type":"auth","token":"junk","id":7}') for _ in range(3)]

    assert [json.loads(reply.frame)["type"] for reply in replies] == ["auth_error"] * 3
    assert [reply.close for reply in replies] == [False, False, True]


def test_a_bad_cursor_is_an_error_and_no_failed_authentication() -> None:
    live = Live()

    for _ in range(4):
        reply = live.reply('{"type":"auth","token":"junk","since":"yesterday"}')

    told = json.loads(reply.frame)
    assert (told["type"], told["code"], told["retryable"]) == ("error", "invalid_cursor", False)
    assert not reply.close
    assert live.told(AUTH)["type"] == "auth_success"


def test_an_unknown_session_leaves_the_connection_open() -> None:
    live = Live()
    live.reply(AUTH)

    reply = live.reply('{"type":"subscribe","sessionId":9}')

    assert json.loads(reply.frame)["code"] == "session_not_found"
    assert not reply.close


def test_a_defect_is_answered_without_its_trace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: Any) -> Any:
        raise ZeroDivisionError

    live = Live()
    monkeypatch.setattr(live.connections, "require_open", defect)

    told = live.told('{"type":"ping","id":7}')

    assert (told["code"], told["id"]) == ("internal_error", 7)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("frame", FRAMES)
def test_any_frame_after_expiry_closes_the_connection(frame: str) -> None:
    live = expiring()
    live.pass_until(2000)

    reply = live.reply(frame)

    told = json.loads(reply.frame)
    assert (told["type"], told["code"], told["id"]) == ("error", "token_expired", 7)
    assert reply.close


def test_a_new_token_just_before_expiry_is_enough() -> None:
    live = expiring()
    live.pass_until(1999.9)

    renewed = live.told(AUTH)
    live.pass_until(2000)

    assert renewed["type"] == "auth_success"
    assert live.told('{"type":"ping"}')["type"] == "pong"


def test_a_token_in_the_verifiers_leeway_is_refused() -> None:
    class Kind:
        def verify(self, _: str) -> Any:
            return claims("kosmi", expires_at=1000)

    live = Live()
    live.connections._tokens = Kind()

    refused = live.reply('{"type":"auth","token":"a second late"}')

    told = json.loads(refused.frame)
    assert (told["type"], told["code"]) == ("auth_error", "token_expired")
    assert not refused.close


@pytest.mark.parametrize("frame", FRAMES)
def test_who_is_known_no_more_is_told_so_and_closed(frame: str) -> None:
    live = Live()
    live.store.remove("abc=")

    reply = live.reply(frame)

    assert json.loads(reply.frame)["code"] == "connection_unknown"
    assert reply.close


def test_who_is_being_closed_is_known_no_more() -> None:
    live = expiring()
    live.store.claim(live.store.get("abc=") or pytest.fail("gone"), 1000)

    assert live.told('{"type":"ping"}')["code"] == "connection_unknown"


@pytest.mark.parametrize("frame", FRAMES)
def test_of_an_expired_token_the_client_is_told_while_closing(frame: str) -> None:
    live = expiring()
    live.pass_until(2000)
    live.store.claim(live.store.get("abc=") or pytest.fail("gone"), 2000)

    reply = live.reply(frame)

    assert json.loads(reply.frame)["code"] == "token_expired"
    assert reply.close


def test_a_bad_frame_is_told_of_without_the_store() -> None:
    live = expiring()
    live.store.down = True

    assert live.told("nope")["code"] == "invalid_json"
    assert live.told('{"type":"ping"}')["code"] == "unavailable"


def test_nothing_is_read_for_frames_beyond_the_limit() -> None:
    live = Live()
    before = [live.reply("nope") for _ in range(10)]
    live.store.down = True

    refused = [live.reply('{"type":"ping","id":7}') for _ in range(10)]

    told = json.loads(refused[0].frame)
    assert not any(reply.close for reply in before)
    assert (told["code"], told["id"], told["retryable"]) == ("too_many_frames", 7, True)
    assert [reply.close for reply in refused] == [False] * 9 + [True]
