"""A client's frame in, the frame that answers it out, and API Gateway's WebSocket events decoded.

Leaves the rules to ``connections.clients``.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain
from typing import Any, assert_never

from chalicelib.api.live import frames
from chalicelib.connections.clients import ConnectionExpired, Connections, TooManyFailedAuths
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.connections.messages import Message, only
from chalicelib.connections.ports import Push
from chalicelib.errors import (
    AuthTimeout,
    ConnectionUnknown,
    GameNightError,
    TokenExpired,
    TooManyFrames,
    Unauthenticated,
)
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event
from chalicelib.nights.streams import Replay
from chalicelib.timestamps import Clock, timestamp

REPLY_SECONDS = 10.0
"""How long a client that does not read may hold up one frame of those that answer it."""

CLOSING = (AuthTimeout, TokenExpired, ConnectionUnknown)
"""Errors after which nothing more can come of a connection."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a frame is answered.

    The events that were missed follow the answer; ``close`` says whether the connection is closed after
    them. Reading them may raise one of CLOSING: then that is the last frame.
    """

    frame: bytes
    missed: Iterator[bytes] = field(default_factory=lambda: iter(()))
    close: bool = False


def answer(connections: Connections, clock: Clock, connection_id: str, text: str) -> Reply:
    """Do what a frame asks and return the answer; whatever goes wrong is an answer as well."""
    try:
        connections.admit(connection_id)
        frame = frames.read_frame(text)
    except TooManyFrames as error:
        return Reply(frames.error_frame(error, frames.frame_id(text)), close=error.last)
    except GameNightError as error:
        return _unread(connections, connection_id, error, frames.frame_id(text))
    try:
        return _answer(connections, clock, connection_id, frame)
    except CLOSING as error:
        return Reply(frames.error_frame(error, frame.id), close=True)
    except GameNightError as error:
        return Reply(frames.error_frame(error, frame.id))
    except Exception:
        logger.exception("a frame could not be handled", extra={"connection_id": connection_id})
        defect = GameNightError("This is our mistake and it has been logged.")
        return Reply(frames.error_frame(defect, frame.id))


def _unread(
    connections: Connections, connection_id: str, error: GameNightError, frame_id: frames.FrameId | None
) -> Reply:
    """Return the answer to what is no frame; whoever may be told nothing more is not told what is wrong."""
    try:
        connections.require_open(connection_id)
    except CLOSING as closed:
        return Reply(frames.error_frame(closed, frame_id), close=True)
    except GameNightError:
        logger.warning("who sent what is no frame is not known", extra={"connection_id": connection_id})
    return Reply(frames.error_frame(error, frame_id))


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


async def send(
    push: Push, sender: Recipient, reply: Reply, forget: Callable[[str], None], *, within: float
) -> None:
    """Post the answer to the sender, then what it has missed, one after the other.

    Closes the connection where the reply says so, and where not all could be posted (within ``within``
    seconds, or at all). A post that failed may have arrived: a client that was told that its replay would
    come has to come back and ask from where something is missing. One that is gone is forgotten: ``forget``
    is called with its connection id.
    """
    until = asyncio.get_running_loop().time() + within
    match await _post_all(push, sender, reply, until):
        case _Posted.GONE:
            await asyncio.to_thread(forget, sender.connection_id)
        case _Posted.NOT_ALL:
            logger.warning(
                "an answer or its replay could not be finished; its connection is closed, so that the "
                "client comes back",
                extra={"connection_id": sender.connection_id},
            )
            await push.disconnect(sender)
        case _Posted.LAST:
            await push.disconnect(sender)


class _Posted(Enum):
    ALL = auto()
    LAST = auto()
    NOT_ALL = auto()
    GONE = auto()


async def _post_all(push: Push, sender: Recipient, reply: Reply, until: float) -> _Posted:
    try:
        for frame in chain([reply.frame], reply.missed):
            posted = await _post(push, sender, frame, until)
            if posted is not _Posted.ALL:
                return posted
    except CLOSING as error:
        posted = await _post(push, sender, frames.error_frame(error, None), until)
        return _Posted.LAST if posted is _Posted.ALL else posted
    except GameNightError as error:
        logger.warning("a replay could not be read to its end", extra={"detail": error.detail})
        return _Posted.NOT_ALL
    return _Posted.LAST if reply.close else _Posted.ALL


async def _post(push: Push, sender: Recipient, frame: bytes, until: float) -> _Posted:
    within = min(until - asyncio.get_running_loop().time(), REPLY_SECONDS)
    if within <= 0:
        return _Posted.NOT_ALL
    report = await push.broadcast(Message(frame), only(sender), within=within)
    for failure in (*report.refused, *report.failed):
        logger.warning(
            "an answer could not be posted",
            extra={
                "connection_id": sender.connection_id,
                "status": failure.status,
                "reason": failure.reason,
            },
        )
    if report.delivered:
        return _Posted.ALL
    return _Posted.GONE if report.gone else _Posted.NOT_ALL


def _answer(connections: Connections, clock: Clock, connection_id: str, frame: frames.ClientFrame) -> Reply:
    match frame:
        case frames.Auth():
            return _authenticate(connections, connection_id, frame)
        case frames.Subscribe():
            missed = connections.subscribe(connection_id, frame.session_id, frames.since_of(frame))
            reply = frames.subscribed(frame.session_id, missed, frame.id)
            return Reply(reply, _with_cursors(missed, lambda event: event.cursor))
        case frames.Unsubscribe():
            connections.unsubscribe(connection_id, frame.session_id)
            return Reply(frames.unsubscribed(frame.session_id, frame.id))
        case frames.Ping():
            connections.require_open(connection_id)
            return Reply(frames.pong(timestamp(clock()), frame.id))
        case _:
            assert_never(frame)


def _authenticate(connections: Connections, connection_id: str, frame: frames.Auth) -> Reply:
    since = frames.since_of(frame)
    try:
        known = connections.authenticate(connection_id, frame.token, since)
    except ConnectionExpired as expired:
        return Reply(frames.error_frame(expired.failure, frame.id), close=True)
    except TooManyFailedAuths as last:
        return Reply(frames.auth_error(last.failure, frame.id), close=True)
    except Unauthenticated as failure:
        return Reply(frames.auth_error(failure, frame.id))
    reply = frames.auth_success(known.claims, known.missed, frame.id)
    return Reply(reply, _with_cursors(known.missed, lambda event: event.sessions_cursor))


def _with_cursors(missed: Replay[Event] | None, place: Callable[[Event], Cursor | None]) -> Iterator[bytes]:
    """Yield the frames of what was missed, each with its cursor in the stream that it is replayed on."""
    for event in missed.entries if missed else ():
        cursor = place(event)
        yield event.with_cursor(cursor) if cursor else event.plain
