import json

import pytest

from chalicelib.api.live.notices import FrameNotices, scheduled_at
from chalicelib.errors import AuthTimeout

NOTICES = FrameNotices()


def test_a_goodbye_says_why_and_answers_nothing() -> None:
    assert json.loads(NOTICES.error(AuthTimeout())) == {
        "type": "error",
        "code": "auth_timeout",
        "message": "No token has come in time. Connect again, and send auth at once.",
        "retryable": False,
    }


def test_whoever_has_to_renew_its_token_is_told_until_when() -> None:
    assert json.loads(NOTICES.token_expiring(1_762_027_200)) == {
        "type": "token_expiring",
        "expiresAt": "2025-11-01T20:00:00.000Z",
    }


def test_whoever_has_to_reconnect_is_told_why_and_when() -> None:
    assert json.loads(NOTICES.reconnect(137_042)) == {
        "type": "reconnect",
        "reason": "max_connection_age",
        "afterMs": 137_042,
    }


@pytest.mark.parametrize(
    "time", ["2025-11-01T20:00:00Z", "2025-11-01T20:00:00.000Z", "2025-11-01T20:00:00+00:00"]
)
def test_a_schedules_time_is_read_as_unix_seconds(time: str) -> None:
    assert scheduled_at({"time": time}) == 1_762_027_200
