"""Answers a client's frame, and catches the client up if it resumes. Decodes API Gateway's events."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, assert_never

import msgspec

from chalicelib.api.live import frames
from chalicelib.connections.clients import ConnectionExpired, Connections, Resumed, TooManyFailedAuths
from chalicelib.connections.connection import Connection, Recipient
from chalicelib.connections.messages import Message, Outcome
from chalicelib.connections.ports import Push
from chalicelib.delivery.catch_up import CatchUp, CaughtUp
from chalicelib.errors import (
    AuthTimeout,
    ConnectionUnknown,
    GameNightError,
    TokenExpired,
    TokenRevoked,
    TooManyFrames,
    Unauthenticated,
)
from chalicelib.timestamps import Clock, timestamp

REPLY_SECONDS = 10.0
"""How long one answer waits for a client that does not read."""

CLOSING = (AuthTimeout, TokenExpired, TokenRevoked, ConnectionUnknown)
"""Errors that close the connection."""

logger = logging.getLogger(__name__)


class Reply(msgspec.Struct, frozen=True):
    """The answer to a frame. Events follow it if the client ``resumed``. ``close`` ends the connection."""

    frame: bytes
    resumed: Resumed | None = None
    close: bool = False


def answer(connections: Connections, clock: Clock, connection_id: str, text: str) -> Reply:
    """Handle a frame and return the answer. Every error is an answer too."""
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
    """Return the answer to an invalid frame. A closed connection gets only the reason why it is closed."""
    try:
        connections.require_open(connection_id)
    except CLOSING as closed:
        return Reply(frames.error_frame(closed, frame_id), close=True)
    except GameNightError:
        logger.warning(
            "an invalid frame came from a connection that can't be read",
            extra={"connection_id": connection_id},
        )
    return Reply(frames.error_frame(error, frame_id))


def opened_connection(event: dict[str, Any]) -> Connection:
    """Return the connection that a $connect event opens."""
    context = event["requestContext"]
    return Connection(
        connection_id=context["connectionId"],
        api_id=context["apiId"],
        stage=context["stage"],
        connected_at=int(context["connectedAt"]) // 1000,
        source_ip=context["identity"]["sourceIp"],
    )


def sender_of(event: dict[str, Any]) -> Recipient:
    """Return the sender of a frame as a recipient of posts."""
    context = event["requestContext"]
    return Recipient(context["connectionId"], context["apiId"], context["stage"])


class Responder(msgspec.Struct, frozen=True):
    """Posts replies. ``catch_up`` is called when a client resumes."""

    connections: Connections
    push: Push
    catch_up: Callable[[], CatchUp]

    async def send(self, sender: Recipient, reply: Reply, *, within: float) -> None:
        """Post a reply, then the events that the client has missed, for at most ``within`` seconds.

        A job posts the rest. If an answer can't be posted, the connection is closed, and the client
        reconnects.
        """
        deadline = asyncio.get_running_loop().time() + within
        outcome = await self._post(sender, reply.frame, within)
        if outcome.gone:
            await asyncio.to_thread(self.connections.forget, sender.connection_id)
        elif reply.close or outcome.failed:
            await self.push.disconnect(sender)
        elif reply.resumed is not None:
            await self._catch_up(sender, reply.resumed, deadline)

    async def _catch_up(self, sender: Recipient, resumed: Resumed, deadline: float) -> None:
        stream, until = resumed.place.stream, resumed.resume.catching_up_until
        try:
            ended = await self.catch_up().resume(stream, sender.connection_id, deadline, until)
            if ended is CaughtUp.GONE:
                await asyncio.to_thread(self.connections.require_open, sender.connection_id)
        except TokenExpired as error:
            await self._post(sender, frames.error_frame(error), REPLY_SECONDS)
            await self.push.disconnect(sender)
        except GameNightError as error:
            extra = {"connection_id": sender.connection_id, "code": error.code, "detail": error.detail}
            logger.warning("a client could not be caught up and is closed", extra=extra)
            await self.push.disconnect(sender)

    async def _post(self, sender: Recipient, frame: bytes, within: float) -> Outcome:
        outcome = await self.push.send(Message(frame), [sender], within=min(within, REPLY_SECONDS))
        for failure in outcome.failed:
            extra = {"status": failure.status, "reason": failure.reason}
            extra["connection_id"] = sender.connection_id
            logger.warning("an answer could not be posted", extra=extra)
        return outcome


def _answer(connections: Connections, clock: Clock, connection_id: str, frame: frames.ClientFrame) -> Reply:
    match frame:
        case frames.Auth():
            return _authenticate(connections, connection_id, frame)
        case frames.Subscribe():
            resumed = connections.subscribe(connection_id, frame.session_id, frames.since_of(frame))
            place = resumed.place if resumed else None
            return Reply(frames.encode(frames.subscribed(frame.session_id, place), frame.id), resumed)
        case frames.Unsubscribe():
            connections.unsubscribe(connection_id, frame.session_id)
            return Reply(frames.encode(frames.Unsubscribed(frame.session_id), frame.id))
        case frames.Ping():
            connections.require_open(connection_id)
            return Reply(frames.encode(frames.Pong(timestamp(clock())), frame.id))
        case _:
            assert_never(frame)


def _authenticate(connections: Connections, connection_id: str, frame: frames.Auth) -> Reply:
    since = frames.since_of(frame)
    try:
        known = connections.authenticate(connection_id, frame.token.strip(), since)
    except ConnectionExpired as expired:
        return Reply(frames.error_frame(expired.failure, frame.id), close=True)
    except TooManyFailedAuths as last:
        return Reply(_auth_error(last.failure, frame), close=True)
    except Unauthenticated as failure:
        return Reply(_auth_error(failure, frame))
    place = known.resumed.place if known.resumed else None
    follows = None if known.claims.session else known.resumed  # a guest gets no starts
    return Reply(frames.encode(frames.auth_success(known.claims, place), frame.id), follows)


def _auth_error(failure: Unauthenticated, frame: frames.Auth) -> bytes:
    return frames.encode(frames.AuthError(failure.code, failure.detail), frame.id)
