"""Errors over HTTP as the contract says: RFC 9457 problem documents."""

from typing import Any

import httpx


def problem(answer: httpx.Response, status: int, code: str) -> Any:
    """Return the problem document that an answer must be, and fail where it is not one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["code"] == code
    for member in ("type", "title", "detail"):
        assert isinstance(document[member], str)
        assert document[member]
    if status == 400:
        assert document["errors"]
        assert all(error.keys() == {"field", "message"} for error in document["errors"])
    assert "Traceback" not in answer.text
    return document


def challenge(answer: httpx.Response) -> str | None:
    """Return ``WWW-Authenticate``, also under the name that API Gateway gives it on its way to a client."""
    name = "www-authenticate"
    found: str | None = answer.headers.get(name) or answer.headers.get(f"x-amzn-remapped-{name}")
    return found
