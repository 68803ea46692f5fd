"""Parses the paths and queries of REST requests, and builds the URLs of the service."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from chalicelib.api.json_input import decode
from chalicelib.api.rest.bodies import Username
from chalicelib.errors import FieldError, GameNightError, GameNotFound, InvalidRequest, SessionNotFound
from chalicelib.limits import DEFAULT_PAGE, MAX_ID, MAX_PAGE, MAX_SUBJECT_CHARACTERS
from chalicelib.nights.cursors import BEGINNING, Cursor, parse_since

MAX_SHOWN = 40
"""The most characters of a wrong id or name that its error repeats."""

PAGE_PARAMETERS = ("since", "limit")
"""The parameters of a page, see docs/decisions/0131-parameters-of-a-page.md."""


def session_id_of(text: str) -> int:
    """Return the session id of a path. Raises SessionNotFound for what can't be one."""
    return _id_of(text, SessionNotFound)


def game_id_of(session_id: int, text: str) -> int:
    """Return the game id of a path. Raises GameNotFound for what can't be one."""
    return _id_of(text, partial(GameNotFound, session_id))


def name_of(text: str) -> str:
    """Return the name or subject of a path, which API Gateway passes on still encoded."""
    return unquote(text)


def subject_of(text: str) -> str:
    """Return the subject of a path. Raises InvalidRequest for one that no token can have."""
    subject = name_of(text)
    if len(subject) > MAX_SUBJECT_CHARACTERS:
        message = f"Expected {MAX_SUBJECT_CHARACTERS} characters at most"
        raise InvalidRequest(f"{message}, in subject.", (FieldError("subject", message),))
    return subject


class Voter(msgspec.Struct):
    """The query of ``DELETE /api/sessions/{id}/votes/{game_id}``."""

    username: Username


def username_of(query: Mapping[str, str] | None) -> str:
    """Return whose vote a request is about. Raises InvalidRequest."""
    _check_names(query, ("username",))
    return str(decode(json.dumps({**(query or {})}), Voter, InvalidRequest, "query").username)


def page_of(query: Mapping[str, str] | None, *others: str) -> tuple[Cursor, int]:
    """Return where a client wants to continue, and how many entries it wants, 1 to 100.

    ``others`` are parameters that the route takes instead of these. Raises InvalidCursor, InvalidRequest.
    """
    _check_names(query, (*PAGE_PARAMETERS, *others))
    since = (query or {}).get("since")
    return BEGINNING if since is None else parse_since(since), _count(query, "limit")


def newest_of(query: Mapping[str, str] | None) -> int | None:
    """Return how many of the newest entries a client wants; None if it asks for a page.

    Raises InvalidRequest for a number out of bounds, and for any other parameter.
    """
    if "newest" not in (query or {}):
        return None
    _check_names(query, ("newest",))
    return _count(query, "newest")


def base_url(configured: str, headers: Mapping[str, str], context: Mapping[str, Any]) -> str:
    """Return the absolute URL above ``/api``, as the client reached it.

    It is the request's host, with the stage if the host is API Gateway's own. Set ``configured`` if neither
    can tell, such as behind a custom domain's base path.
    """
    if configured:
        return configured.rstrip("/")
    scheme = headers.get("x-forwarded-proto", "http").split(",")[0].strip()
    return f"{scheme}://{_host(headers, context)}{base_path(configured, headers, context)}"


def base_path(configured: str, headers: Mapping[str, str], context: Mapping[str, Any]) -> str:
    """Return the path of ``base_url``, or "". It doesn't need the request's host to be valid."""
    if configured:
        return urlsplit(configured).path.rstrip("/")
    if ".execute-api." in _host(headers, context):
        return f"/{context.get('stage')}"
    return headers.get("x-forwarded-prefix", "").rstrip("/")


def websocket_url(configured: str, base: str) -> str:
    """Return the URL that clients connect to. A configured path is below ``base_url``."""
    return f"ws{base.removeprefix('http')}{configured}" if configured.startswith("/") else configured


def _check_names(query: Mapping[str, str] | None, allowed: Sequence[str]) -> None:
    for name in query or {}:
        if name not in allowed:
            shown = name[:MAX_SHOWN]
            message = f"There is no parameter {shown} here, only {', '.join(allowed)}"
            raise InvalidRequest(f"{message}.", (FieldError(shown, message),))


def _count(query: Mapping[str, str] | None, name: str) -> int:
    text = (query or {}).get(name)
    if text is None:
        return DEFAULT_PAGE
    number = _digits(text)
    if number is None or not 1 <= number <= MAX_PAGE:
        message = f"Expected a whole number from 1 to {MAX_PAGE}"
        raise InvalidRequest(f"{message}, in {name}.", (FieldError(name, message),))
    return number


def _host(headers: Mapping[str, str], context: Mapping[str, Any]) -> str:
    return headers.get("host") or str(context.get("domainName") or "localhost")


def _id_of(text: str, missing: Callable[[str], GameNightError]) -> int:
    number = _digits(text)
    if number is None or text.startswith("0") or number > MAX_ID:
        raise missing(text[:MAX_SHOWN])
    return number


def _digits(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID)) else None
