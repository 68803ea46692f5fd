"""``/{stage}/@connections/{id}``: POST and DELETE, as API Gateway's management API answers them.

That a request is signed is checked, its signature is not: anybody on this machine may post.
"""

import json
import re
from urllib.parse import unquote

from infra.local.apigateway.asgi import Answer, BodyTooLarge, Receive, Scope, Send, read_body
from infra.local.apigateway.connections import Connections
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.websocket_events import Closing
from infra.local.deployment import STAGE

PATH = re.compile(r"/([^/]+)/(?:@|%40)connections/([^/]+)", re.IGNORECASE)
DELETED = Closing(1000, "Connection Closed Normally")


def _error(status: int, kind: str, message: str) -> Answer:
    headers = (("content-type", "application/json"), ("x-amzn-errortype", kind))
    return Answer(status, headers, json.dumps({"message": message}).encode())


# AWS sends the name of this error, and no body.
GONE = Answer(410, (("x-amzn-errortype", "GoneException"),))
TOO_LARGE = _error(413, "PayloadTooLargeException", "Message too long")
FULL = _error(429, "LimitExceededException", "The client does not read what it is sent")
FORBIDDEN = _error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
NOT_TEXT = _error(400, "BadRequestException", "A message is UTF-8 text")


class ManagementApi:
    """The management API of the local stage."""

    def __init__(self, connections: Connections, limits: Limits) -> None:
        self._connections = connections
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request whose path is this API's."""
        try:
            body = await read_body(receive, self._limits.message_bytes)
            answer = self._answer(scope, body.decode())
        except BodyTooLarge:
            answer = TOO_LARGE
        except UnicodeDecodeError:
            answer = NOT_TEXT
        await answer.send(send)

    def _answer(self, scope: Scope, text: str) -> Answer:
        found, method = PATH.fullmatch(scope["raw_path"].decode("ascii")), scope["method"]
        signed = b"authorization" in dict(scope["headers"])
        if found is None or found[1] != STAGE or not signed or method not in {"POST", "DELETE"}:
            return FORBIDDEN
        connection = self._connections.get(unquote(found[2]))
        if connection is None:
            return GONE
        if method == "DELETE":
            self._connections.close(connection, DELETED)
            return Answer(204)
        if connection.waiting_bytes > self._limits.outgoing_bytes:
            return FULL
        connection.post(text)
        return Answer(200, (("content-type", "application/json"),))
