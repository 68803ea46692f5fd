"""Answers POST and DELETE of ``/{stage}/@connections/{id}`` as API Gateway's management API does.

It has its own port and reads HTTP without uvicorn, which would take more time for a post than all other steps
together. A request has to be signed, but the signature is not verified.
"""

import asyncio
import json
import re
from http import HTTPStatus
from typing import cast
from urllib.parse import unquote

import httptools

from infra.local.apigateway.connections import Connection, Connections
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.websocket_events import Closing
from infra.local.deployment import STAGE

PATH = re.compile(rf"/{STAGE}/(?:@|%40)connections/([^/?]+)", re.IGNORECASE)
DELETED = Closing(1000, "Connection Closed Normally")


def _answer(status: int, kind: str = "", message: str = "") -> bytes:
    body = json.dumps({"message": message}) if message else ""
    error = f"x-amzn-errortype: {kind}\r\n" if kind else ""
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{error}"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()


DONE = _answer(200)
CLOSED = _answer(204)
GONE = _answer(410, "GoneException")  # AWS sends this header and no body
TOO_LARGE = _answer(413, "PayloadTooLargeException", "Message too long")
FULL = _answer(429, "LimitExceededException", "The client does not read what it is sent")
FORBIDDEN = _answer(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
NOT_TEXT = _answer(400, "BadRequestException", "A message is UTF-8 text")


class ManagementApi(asyncio.Protocol):
    """A function's connection to the management API."""

    def __init__(self, connections: Connections, limits: Limits) -> None:
        self._connections = connections
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._signed, self._body = b"", False, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """See httptools, as for all that follow."""
        self._path += url

    def on_header(self, name: bytes, _value: bytes) -> None:
        """Note whether the request is signed."""
        self._signed = self._signed or name.lower() == b"authorization"

    def on_body(self, piece: bytes) -> None:
        """Keep the body, up to the size at which it is too large."""
        if len(self._body) <= self._limits.message_bytes:
            self._body += piece

    def on_message_complete(self) -> None:
        """Answer."""
        self._transport.write(self._answered())
        self._path, self._signed, self._body = b"", False, bytearray()
        if not self._parser.should_keep_alive():
            self._transport.close()

    def _answered(self) -> bytes:
        method, found = self._parser.get_method(), PATH.fullmatch(self._path.decode("latin-1"))
        if found is None or not self._signed or method not in {b"POST", b"DELETE"}:
            return FORBIDDEN
        connection = self._connections.get(unquote(found[1]))
        if connection is None:
            return GONE
        if method == b"POST":
            return self._posted(connection)
        self._connections.close(connection, DELETED)
        return CLOSED

    def _posted(self, connection: Connection) -> bytes:
        if len(self._body) > self._limits.message_bytes:
            return TOO_LARGE
        if connection.waiting_bytes > self._limits.outgoing_bytes:
            return FULL
        try:
            connection.post(self._body.decode())
        except UnicodeDecodeError:
            return NOT_TEXT
        return DONE
