"""The part of ASGI that the APIs need: reads a body up to a limit, and answers."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Headers = tuple[tuple[str, str], ...]


class BodyTooLarge(Exception):
    """The request's body is larger than was allowed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    async def send(self, send: Send) -> None:
        """Send it."""
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def headers_of(scope: Scope) -> Headers:
    """Return a request's headers as text; their names are in lower case."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])


def multi_values(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return all values of each name, as events have them."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def last_values(values: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the last value of each name, which is the one that counts."""
    return {name: all_values[-1] for name, all_values in values.items()}


async def read_body(receive: Receive, limit: int) -> bytes:
    """Return a request's body. Raises BodyTooLarge, and ConnectionError where the client has left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client left before it had sent its request")
        body += message.get("body", b"")
        if len(body) > limit:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return bytes(body)
