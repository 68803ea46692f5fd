"""Errors over HTTP: RFC 9457 problem documents, and the one table from our errors to statuses."""

import json
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import (
    BodyTooLarge,
    Conflict,
    Contended,
    Forbidden,
    GameNightError,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from chalicelib.idempotency import IdempotencyMismatch

CONTENT_TYPE = "application/problem+json"

STATUSES: dict[type[GameNightError], int] = {
    InvalidRequest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    BodyTooLarge: 413,
    IdempotencyMismatch: 422,
    Contended: 503,
    Unavailable: 503,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An HTTP answer that says what went wrong."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, code: str, title: str, detail: str, **more: Any) -> Problem:
    """Return the problem document with these members.

    ``type`` is a URN of the code: it names the kind of problem and is not meant to be opened.
    """
    members = {"type": f"urn:game-night-live:problem:{code}", "title": title, "status": status}
    members |= {"detail": detail, "code": code, **more}
    headers = {"Content-Type": CONTENT_TYPE}
    if status == 401:  # noqa: PLR2004 - 401 Unauthorized
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:  # noqa: PLR2004 - 503 Service Unavailable
        headers["Retry-After"] = "1"
    return Problem(status, json.dumps(members, ensure_ascii=False, separators=(",", ":")), headers)


def status_of(kind: type[GameNightError]) -> int:
    """Return the HTTP status of a kind of error: its own, or else that of what it is a kind of."""
    return next((STATUSES[one] for one in kind.__mro__ if one in STATUSES), 500)


def problem_of(error: GameNightError) -> Problem:
    """Return the problem document of one of our errors."""
    more: dict[str, Any] = {}
    if isinstance(error, InvalidRequest):
        more["errors"] = [{"field": one.field, "message": one.message} for one in error.errors]
    return problem(status_of(type(error)), error.code, error.title, error.detail, **more)


def unexpected(request_id: str) -> Problem:
    """Return the problem document for a defect of ours; the log has the rest under the request's id."""
    detail = f"This is our mistake and it has been logged as {request_id}."
    return problem(500, GameNightError.code, GameNightError.title, detail)


FRAMEWORK_PROBLEMS = {
    404: ("not_found", "There is nothing here"),
    405: ("method_not_allowed", "This method is not allowed here"),
    413: (BodyTooLarge.code, BodyTooLarge.title),
    415: ("unsupported_media_type", "The body must be JSON"),
}


def problem_of_framework(status: int, detail: str) -> Problem:
    """Return the problem document for an answer that Chalice gave before our code was reached."""
    code, title = FRAMEWORK_PROBLEMS.get(status, (InvalidRequest.code, InvalidRequest.title))
    if status >= 500:  # noqa: PLR2004 - from here on it is our mistake
        code, title = GameNightError.code, GameNightError.title
    if status == 415:  # noqa: PLR2004 - 415 Unsupported Media Type
        detail = f"Send JSON with the header 'Content-Type: application/json'. ({detail})"
    return problem(status, code, title, detail)
