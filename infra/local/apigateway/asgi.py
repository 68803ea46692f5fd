"""ASGI's types, and headers and parameters in the forms that API Gateway's events have."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Pairs = list[tuple[str, str]]


def headers_of(scope: Scope) -> Pairs:
    """Return a request's headers as text, with lower-case names."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]


def source_ip(scope: Scope) -> str:
    """Return the client's IP address."""
    return str((scope.get("client") or ("127.0.0.1", 0))[0])


def multi_values(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return all values of each name. In ``dict(pairs)`` the last value wins, as in API Gateway's events."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values
