"""``/{stage}/@connections/{id}``: POST, GET and DELETE, as API Gateway's management API answers them.

A broadcast to thousands comes through here, so it is kept light: no framework, answers made beforehand, and
nothing that a post waits for, so that ``posts`` can have it answered without ASGI.
That a request is signed is checked, its signature is not: anybody on this machine may post.
"""

import json
import re
from urllib.parse import unquote

from infra.local.apigateway.asgi import BodyTooLarge, Receive, Scope, Send, read_body, respond
from infra.local.apigateway.connections import ConnectionClosed, Connections, MessageTooLarge, OutgoingFull
from infra.local.apigateway.limits import Limits
from infra.local.deployment import STAGE

PATH = re.compile(rb"/([^/]+)/(?:@|%40)connections/([^/]+)", re.IGNORECASE)
JSON = ("content-type", "application/json")

Answer = tuple[int, tuple[tuple[str, str], ...], bytes]

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


class Unsigned(Exception):
    """A request without a signature."""


class OtherStage(Exception):
    """A request to a stage that there is not here."""


REFUSALS: dict[type[Exception], Answer] = {
    Unsigned: UNSIGNED,
    OtherStage: FORBIDDEN,
    ConnectionClosed: GONE,
    MessageTooLarge: TOO_LARGE,
    OutgoingFull: FULL,
    UnicodeDecodeError: NOT_TEXT,
}
REFUSED = tuple(REFUSALS)


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
        method, path = scope["method"], scope["raw_path"]
        signed = any(name == b"authorization" for name, _ in scope["headers"])
        try:
            body = await read_body(receive, self._limits.message_bytes)
        except BodyTooLarge:
            answer = TOO_LARGE
        else:
            if method == "POST":
                answer = self.post(path, body, signed=signed)
            else:
                answer = await self._look_or_close(method, path, signed=signed)
        await respond(send, *answer)

    def post(self, raw_path: bytes, body: bytes, *, signed: bool) -> Answer:
        """Answer a POST to a path of this API; ``signed``: it carries a signature."""
        try:
            connection_id = _addressed(raw_path, signed=signed)
            body.decode()  # only to see that it can be
            self._connections.post(connection_id, body)
        except REFUSED as refused:
            return REFUSALS[type(refused)]
        return OK

    async def _look_or_close(self, method: str, raw_path: bytes, *, signed: bool) -> Answer:
        try:
            connection_id = _addressed(raw_path, signed=signed)
            if method == "GET":
                return 200, (JSON,), json.dumps(self._connections.describe(connection_id)).encode()
            if method == "DELETE":
                await self._connections.disconnect(connection_id)
                return DELETED
        except REFUSED as refused:
            return REFUSALS[type(refused)]
        return UNSIGNED


def _addressed(raw_path: bytes, *, signed: bool) -> str:
    """Return the connection that a path is about. Raises Unsigned, OtherStage."""
    if not signed:
        raise Unsigned
    found = PATH.fullmatch(raw_path)
    if found is None or found[1] != STAGE.encode():
        raise OtherStage
    return unquote(found[2].decode("ascii"))
