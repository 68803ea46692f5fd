"""A client's frame in, the frame that answers it out, and API Gateway's WebSocket events decoded.

Leaves the rules to ``services.connections``.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from chalicelib.domain.connections import Connection, Recipient
from chalicelib.domain.delivery import Message
from chalicelib.domain.errors import ConnectionUnknown, GameNightError, TokenExpired, Unauthenticated
from chalicelib.domain.timestamps import Clock, timestamp
from chalicelib.services.connections import Connections, TooManyFailedAuths
from chalicelib.services.ports import Push
from chalicelib.wire import frames

REPLY_SECONDS = 10.0
"""How long a client that does not read may hold up the function that answers it."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a frame is answered, and whether the connection is closed after it."""

    frame: bytes
    close: bool = False


def answer(connections: Connections, clock: Clock, connection_id: str, text: str) -> Reply:
    """Do what a frame asks and return the answer; whatever goes wrong is an answer as well."""
    try:
        frame = frames.read_frame(text)
    except GameNightError as error:
        return Reply(frames.error_frame(error, frames.frame_id(text)))
    try:
        return _answer(connections, clock, connection_id, frame)
    except (TokenExpired, ConnectionUnknown) as error:
        return Reply(frames.error_frame(error, frame.id), close=True)
    except GameNightError as error:
        return Reply(frames.error_frame(error, frame.id))
    except Exception:
        logger.exception("a frame could not be handled", extra={"connection_id": connection_id})
        defect = GameNightError("This is our mistake and it has been logged.")
        return Reply(frames.error_frame(defect, frame.id))


def opened_connection(event: dict[str, Any]) -> Connection:
    """Return the connection that a $connect event speaks of."""
    context = event["requestContext"]
    return Connection(
        connection_id=context["connectionId"],
        api_id=context["apiId"],
        stage=context["stage"],
        connected_at=int(context["connectedAt"]) // 1000,
        source_ip=context["identity"]["sourceIp"],
    )


def sender_of(event: dict[str, Any]) -> Recipient:
    """Return what a post to the sender of a frame needs."""
    context = event["requestContext"]
    return Recipient(context["connectionId"], context["apiId"], context["stage"])


async def send(push: Push, sender: Recipient, reply: Reply) -> None:
    """Post the answer to the sender, and close its connection where the reply says so.

    A sender that has left meanwhile is no error: its $disconnect does the rest.
    """

    async def only_the_sender() -> AsyncIterator[Sequence[Recipient]]:
        yield [sender]

    report = await push.broadcast(Message(reply.frame), only_the_sender(), within=REPLY_SECONDS)
    for failure in (*report.refused, *report.failed):
        logger.warning(
            "an answer could not be posted",
            extra={
                "connection_id": sender.connection_id,
                "status": failure.status,
                "reason": failure.reason,
            },
        )
    if reply.close:
        await push.disconnect(sender)


def _answer(connections: Connections, clock: Clock, connection_id: str, frame: frames.ClientFrame) -> Reply:
    match frame:
        case frames.Auth():
            return _authenticate(connections, connection_id, frame)
        case frames.Subscribe():
            connections.subscribe(connection_id, frame.session_id)
            return Reply(frames.subscribed(frame.session_id, frame.id))
        case frames.Unsubscribe():
            connections.unsubscribe(connection_id, frame.session_id)
            return Reply(frames.unsubscribed(frame.session_id, frame.id))
        case frames.Ping():
            return Reply(frames.pong(timestamp(clock()), frame.id))
        case _:
            assert_never(frame)


def _authenticate(connections: Connections, connection_id: str, frame: frames.Auth) -> Reply:
    try:
        claims = connections.authenticate(connection_id, frame.token)
    except TooManyFailedAuths as last:
        return Reply(frames.auth_error(last.failure, frame.id), close=True)
    except Unauthenticated as failure:
        return Reply(frames.auth_error(failure, frame.id))
    return Reply(frames.auth_success(claims, frame.id))
