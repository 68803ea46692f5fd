"""Posts to @connections, answered as soon as they are read, without ASGI.

A broadcast is thousands of them, and a task, a scope and two messages for each are most of what they cost.
Whatever is no such post, or comes before an earlier request is answered, goes uvicorn's usual way.
Leaves the answers to ``management_api``.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from infra.local.apigateway.management_api import TOO_LARGE, ManagementApi


class PostingProtocol(HttpToolsProtocol):
    """Uvicorn's protocol, with a shorter way for posts. ``most`` is in bytes, ``options`` are uvicorn's."""

    def __init__(self, management: ManagementApi, most: int, **options: Any) -> None:
        super().__init__(**options)
        self._management = management
        self._most = most
        self._body: list[bytes] | None = None  # of the post that is being read
        self._size = 0

    def on_headers_complete(self) -> None:
        """Decide which way a request goes."""
        if (
            self.parser.get_method() == b"POST"
            and b"?" not in self.url
            and self._management.serves(self.url)
            and (self.cycle is None or self.cycle.response_complete)
            and not self.expect_100_continue
        ):
            self._body, self._size = [], 0
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body, as long as it is not too long."""
        if self._body is None:
            super().on_body(body)
            return
        self._size += len(body)
        if self._size <= self._most:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer."""
        if self._body is None:
            super().on_message_complete()
            return
        body, self._body = b"".join(self._body), None
        signed = any(name == b"authorization" for name, _ in self.headers)
        answer = (
            TOO_LARGE if self._size > self._most else self._management.post(self.url, body, signed=signed)
        )
        stays = self.parser.should_keep_alive()
        self.transport.write(_written(*answer, stays=stays))
        if not stays:
            self.transport.close()
        self.on_response_complete()


@cache  # there are seven of them
def _written(status: int, headers: Sequence[tuple[str, str]], body: bytes, *, stays: bool) -> bytes:
    """Return an answer as it is sent."""
    lines = [*headers, ("content-length", str(len(body)))]
    if not stays:
        lines.append(("connection", "close"))
    return (
        STATUS_LINE[status]
        + "".join(f"{name}: {value}\r\n" for name, value in lines).encode()
        + b"\r\n"
        + body
    )
