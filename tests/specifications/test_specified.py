"""What the suites' clients see is judged by the documents: any drift fails the test that sees it."""

import json
from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from tests.specified import Live, Rest

HERE = "http://localhost:5000"
SESSION = {"id": 17, "is_active": 1, "created_at": "2025-11-01T20:00:00.123Z", "notes": None}
LOCATION = {"Location": "sessions/17"}
NOT_ACTIVE = {
    "type": "urn:game-night-live:problem:no_active_session",
    "title": "No session is active",
    "status": 404,
    "detail": "Start one.",
    "code": "no_active_session",
}


@pytest.fixture
def rest(openapi: Any) -> Rest:
    return Rest(openapi, HERE)


@pytest.fixture
def live(asyncapi: Any) -> Live:
    return Live(asyncapi)


def answered(
    method: str,
    path: str,
    status: int,
    body: Any,
    *,
    sent: str = "",
    headers: dict[str, str] | None = None,
    token: bool = True,
) -> httpx.Response:
    known = {"Authorization": "Bearer t"} if token else {}
    request = httpx.Request(method, HERE + path, content=sent, headers=known)
    content_type = "application/json" if status < 400 else "application/problem+json"
    sent_headers = {"Content-Type": content_type, **(headers or {})}
    return httpx.Response(status, headers=sent_headers, content=json.dumps(body), request=request)


PAGE = {"sessions": [], "cursor": "", "recovered": True}
STARTED = answered("POST", "/api/sessions", 201, SESSION, headers=LOCATION)


@pytest.mark.parametrize(
    "exchange",
    [
        STARTED,
        answered("GET", "/api/sessions/active", 404, NOT_ACTIVE),
        answered("GET", "/api/sessions?limit=5&since=", 200, PAGE),
        answered("GET", "/api/nope", 403, {"message": "Missing Authentication Token"}),
    ],
)
async def test_what_is_as_documented_passes(rest: Rest, exchange: httpx.Response) -> None:
    await rest.saw(exchange)


@pytest.mark.parametrize(
    ("exchange", "why"),
    [
        (answered("GET", "/api/nope", 200, {}), "no documented operation"),
        (answered("POST", "/api/sessions", 200, SESSION), "200"),
        (answered("POST", "/api/sessions", 201, SESSION), "Location"),
        (answered("POST", "/api/sessions", 201, {**SESSION, "host": "me"}, headers=LOCATION), "host"),
        (answered("GET", "/api/sessions/active", 404, {**NOT_ACTIVE, "code": "game_not_found"}), "game_not"),
        (
            answered("POST", "/api/sessions", 201, SESSION, sent='{"notes":5}', headers=LOCATION),
            "was accepted.*not valid",
        ),
        (
            answered("POST", "/api/sessions", 201, SESSION, headers=LOCATION, token=False),
            "was accepted.*[Ss]ecurity",
        ),
        (answered("GET", "/api/sessions?limit=101", 200, PAGE), "was accepted.*limit"),
    ],
)
async def test_what_is_not_as_documented_fails(rest: Rest, exchange: httpx.Response, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        await rest.saw(exchange)


async def test_a_refusal_of_what_is_documented_fails(rest: Rest) -> None:
    refusal = {
        "type": "urn:game-night-live:problem:invalid_request",
        "title": "The request is not valid",
        "status": 400,
        "detail": "No.",
        "code": "invalid_request",
        "errors": [{"field": "notes", "message": "No."}],
    }

    await rest.saw(answered("POST", "/api/sessions", 400, refusal, sent='{"notes":5}'))

    with pytest.raises(AssertionError, match="was refused"):
        await rest.saw(answered("POST", "/api/sessions", 400, refusal, sent='{"notes":"5"}'))


@pytest.mark.parametrize(
    ("frame", "valid"),
    [
        ({"type": "pong", "timestamp": "2025-11-01T20:00:00.123Z", "id": 7}, True),
        ({"type": "confetti"}, False),
        ({"type": "auth", "token": "t"}, False),
        ({"type": "pong", "timestamp": "2025-11-01T20:00:00Z"}, False),
        ({"type": "pong", "timestamp": "2025-11-01T20:00:00.123Z", "extra": 1}, False),
        ({"type": "error", "code": "unavailable", "message": "Later.", "retryable": True}, True),
        ({"type": "error", "code": "unavailable", "message": "Later.", "retryable": False}, False),
        ({"type": "error", "code": "made_up", "message": "No.", "retryable": False}, False),
    ],
)
def test_only_documented_frames_pass(live: Live, frame: dict[str, Any], *, valid: bool) -> None:
    with nullcontext() if valid else pytest.raises(AssertionError):
        live.told(json.dumps(frame))


UNREADABLE = {"type": "error", "code": "invalid_frame", "message": "No.", "retryable": False}
UNKNOWN = {**UNREADABLE, "code": "session_not_found"}


@pytest.mark.parametrize(
    ("sent", "answer", "why"),
    [
        ('{"type":"ping"}', {"type": "pong"}, ""),
        ('{"type":"ping","extra":1}', UNREADABLE, ""),
        ('{"type":"subscribe","sessionId":5.0}', UNKNOWN, ""),
        ('{"type":"ping"}', UNREADABLE, "refused a frame"),
        ('{"type":"ping","extra":1}', {"type": "pong"}, "accepted a frame"),
        ('{"type":"ping"}', {"type": "subscribed"}, "no documented answer"),
        ('{"type":"ping"}', UNKNOWN, "no documented error"),
    ],
)
def test_answers_have_to_fit_what_was_sent(live: Live, sent: str, answer: dict[str, Any], why: str) -> None:
    with pytest.raises(AssertionError, match=why) if why else nullcontext():
        live.answered(sent, answer)
