"""Renders errors as RFC 9457 problem documents, and maps them to HTTP statuses in one table."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from chalicelib.errors import (
    BodyTooLarge,
    Conflict,
    Contended,
    FieldError,
    Forbidden,
    GameNightError,
    InvalidRequest,
    InviteExpired,
    NotFound,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
)
from chalicelib.idempotency import IdempotencyMismatch

if TYPE_CHECKING:
    from chalicelib import answers

CONTENT_TYPE = "application/problem+json"

STATUSES: dict[type[GameNightError], int] = {
    InvalidRequest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    InviteExpired: 410,
    BodyTooLarge: 413,
    IdempotencyMismatch: 422,
    TooManyAttempts: 429,
    Contended: 503,
    Unavailable: 503,
}
HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "60"}, 503: {"Retry-After": "1"}}
"""The headers of a status besides its content type."""


class Problem(msgspec.Struct, frozen=True):
    """An HTTP answer with a problem document."""

    status: int
    body: str
    headers: dict[str, str] = {}


def problem(status: int, code: str, title: str, detail: str, wrong: Sequence[FieldError] = ()) -> Problem:
    """Return the problem document with these members.

    ``type`` is a URN of the code. It names the kind of problem and can't be opened.
    """
    kind = f"urn:game-night-live:problem:{code}"
    told: answers.Problem = {"type": kind, "title": title, "status": status, "detail": detail, "code": code}
    if wrong:
        told["errors"] = [{"field": one.field, "message": one.message} for one in wrong]
    headers = {"Content-Type": CONTENT_TYPE, **HEADERS.get(status, {})}
    return Problem(status, json.dumps(told, ensure_ascii=False, separators=(",", ":")), headers)


def status_of(kind: type[GameNightError]) -> int:
    """Return the HTTP status of a kind of error: its own, else that of its nearest parent."""
    return next((STATUSES[one] for one in kind.__mro__ if one in STATUSES), 500)


def problem_of(error: GameNightError) -> Problem:
    """Return the problem document of one of our errors."""
    wrong = error.errors if isinstance(error, InvalidRequest) else ()
    return problem(status_of(type(error)), error.code, error.title, error.detail, wrong)


def unexpected(request_id: str) -> Problem:
    """Return the problem document for our defect. The log has details under the request's id."""
    return problem_of(GameNightError(f"This is our mistake and it has been logged as {request_id}."))


FRAMEWORK_PROBLEMS = {
    404: ("not_found", "There is nothing here"),
    405: ("method_not_allowed", "This method is not allowed here"),
    413: (BodyTooLarge.code, BodyTooLarge.title),
    415: ("unsupported_media_type", "The body must be JSON"),
}


def problem_of_framework(status: int, detail: str) -> Problem:
    """Return the problem document for an error that Chalice answered before our code ran."""
    code, title = FRAMEWORK_PROBLEMS.get(status, (InvalidRequest.code, InvalidRequest.title))
    if status >= 500:  # noqa: PLR2004 - from here on it is our mistake
        code, title = GameNightError.code, GameNightError.title
    if status == 415:  # noqa: PLR2004 - 415 Unsupported Media Type
        detail = f"Send JSON with the header 'Content-Type: application/json'. ({detail})"
    return problem(status, code, title, detail)
