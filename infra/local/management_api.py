"""``/{stage}/@connections/{id}``: POST, GET and DELETE, as API Gateway's management API answers them.

A broadcast to thousands comes through here, so it is kept light: no framework, and answers made beforehand.
That a request is signed is checked, its signature is not: anybody on this machine may post.
"""

import json
import re
from collections.abc import Iterable
from urllib.parse import unquote

from infra.local.asgi import BodyTooLarge, Receive, Scope, Send, read_body, respond
from infra.local.connections import ConnectionClosed, Connections, MessageTooLarge, OutgoingFull
from infra.local.deployment import STAGE
from infra.local.limits import Limits

PATH = re.compile(rb"/([^/]+)/(?:@|%40)connections/([^/]+)", re.IGNORECASE)
JSON = ("content-type", "application/json")

Answer = tuple[int, Iterable[tuple[str, str]], bytes]

OK: Answer = (200, (JSON,), b"")
DELETED: Answer = (204, (), b"")
# AWS sends the name of this error, and no body.
GONE: Answer = (410, (("x-amzn-errortype", "GoneException"),), b"")


def _error(status: int, kind: str, message: str) -> Answer:
    return status, (JSON, ("x-amzn-errortype", kind)), json.dumps({"message": message}).encode()


TOO_LARGE = _error(413, "PayloadTooLargeException", "Message too long")
FULL = _error(429, "LimitExceededException", "The client does not read what it is sent")
UNSIGNED = _error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
FORBIDDEN = _error(403, "ForbiddenException", "Forbidden")
NOT_TEXT = _error(400, "BadRequestException", "A message is UTF-8 text")
REFUSALS: dict[type[Exception], Answer] = {
    BodyTooLarge: TOO_LARGE,
    ConnectionClosed: GONE,
    MessageTooLarge: TOO_LARGE,
    OutgoingFull: FULL,
    UnicodeDecodeError: NOT_TEXT,
}


class ManagementApi:
    """The management API of the local stage."""

    def __init__(self, connections: Connections, limits: Limits) -> None:
        self._connections = connections
        self._limits = limits

    @staticmethod
    def serves(raw_path: bytes) -> bool:
        """Say whether a path is one of this API's."""
        return b"connections/" in raw_path and PATH.fullmatch(raw_path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request whose path this API serves."""
        try:
            body = await read_body(receive, self._limits.message_bytes)
            answer = await self._answer(scope, body)
        except tuple(REFUSALS) as refused:
            answer = REFUSALS[type(refused)]
        await respond(send, *answer)

    async def _answer(self, scope: Scope, body: bytes) -> Answer:
        if not any(name == b"authorization" for name, _ in scope["headers"]):
            return UNSIGNED
        found = PATH.fullmatch(scope["raw_path"])
        if found is None or found[1] != STAGE.encode():
            return FORBIDDEN
        connection_id = unquote(found[2].decode("ascii"))
        method = scope["method"]
        if method == "POST":
            await self._connections.post(connection_id, body.decode())
            return OK
        if method == "GET":
            return 200, (JSON,), json.dumps(self._connections.describe(connection_id)).encode()
        if method == "DELETE":
            await self._connections.disconnect(connection_id)
            return DELETED
        return UNSIGNED
