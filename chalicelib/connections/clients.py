"""Runs the use cases of a client on a WebSocket: connect, authenticate, subscribe, leave.

A client that resumes joins an audience as behind. ``delivery.catch_up`` catches it up and makes it live.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from chalicelib.auth.claims import Claims
from chalicelib.auth.ports import TokenVerifier
from chalicelib.connections.connection import Connection
from chalicelib.connections.frame_limit import FrameLimit
from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.connections.ports import CATCH_UP_SECONDS, ConnectionGone, ConnectionStore, Resume
from chalicelib.connections.removal import remove_gone
from chalicelib.errors import (
    ConnectionUnknown,
    Contended,
    Forbidden,
    NotAuthenticated,
    SubjectMismatch,
    TokenExpired,
    Unauthenticated,
)
from chalicelib.nights.cursors import NOW, Cursor
from chalicelib.nights.events import Event, session_stream
from chalicelib.nights.streams import Place, Stream, Streams
from chalicelib.timestamps import Clock

logger = logging.getLogger(__name__)

MAX_FAILED_AUTHS = 3
"""The failure with this number closes the connection (docs/protocol.md)."""

TOKEN_HAS_EXPIRED = "The token has expired. Connect again with a new one."  # noqa: S105 - a sentence

LIFE = ConnectionLife()

MAX_CHANGES = 5
"""Attempts to change a connection that other frames change too. No client sends so many frames at once."""

T = TypeVar("T")


class Resumed(msgspec.Struct, frozen=True):
    """Where a client resumes in a stream, and how its connection has joined the audience."""

    place: Place
    resume: Resume


class Authenticated(msgspec.Struct, frozen=True):
    """The claims of a client, and where it resumes; None if it did not ask to resume."""

    claims: Claims
    resumed: Resumed | None = None


class ConnectionExpired(Exception):
    """The token expired before the client sent a new one. The connection is no longer usable."""

    def __init__(self) -> None:
        super().__init__(TOKEN_HAS_EXPIRED)
        self.failure = TokenExpired(TOKEN_HAS_EXPIRED)


class TooManyFailedAuths(Exception):
    """The connection has used up its failed authentications."""

    def __init__(self, failure: Unauthenticated) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class Connections:
    """Connections, as clients use them."""

    def __init__(  # noqa: PLR0913 - it ties that much together
        self,
        store: ConnectionStore,
        streams: Streams,
        tokens: TokenVerifier,
        clock: Clock,
        *,
        life: ConnectionLife = LIFE,
        frames: FrameLimit | None = None,
    ) -> None:
        self._store = store
        self._streams = streams
        self._tokens = tokens
        self._clock = clock
        self._life = life
        self._frames = frames or FrameLimit()

    def connect(self, connection: Connection) -> None:
        """Store a connection. It gets no events before it has authenticated."""
        self._store.add(replace(connection, deadline=self._life.next(connection, self._now())))

    def disconnect(self, connection_id: str) -> None:
        """Remove a connection and its subscriptions."""
        self._store.remove(connection_id)

    def forget(self, connection_id: str) -> None:
        """Remove a connection that is gone. A failure is logged, not raised."""
        remove_gone(self._store, connection_id)

    def authenticate(self, connection_id: str, token: str, since: Cursor | None = None) -> Authenticated:
        """Verify a token; from now on, send the connection every session's start, or those after ``since``.

        Raises TokenInvalid, TokenExpired or SubjectMismatch; at the last failure allowed, TooManyFailedAuths
        instead. Raises ConnectionExpired, ConnectionUnknown, Contended and Unavailable too.
        """

        def attempt() -> Authenticated:
            connection = self._get(connection_id)
            if self._expired(connection):
                raise ConnectionExpired
            claims = self._verify(connection, token)
            stream = self._streams.of_starts()
            # Guests get no starts, so there is nothing to resume: a guest's place is the stream's end.
            place = NOW if since and claims.session else since
            resumed = None if place is None else self._resumed(stream, place)
            known = connection.identified(claims, wants_cursor=since is not None)
            deadline = self._life.next(known, self._now())
            self._store.authenticate(
                connection,
                claims,
                deadline=deadline,
                position=stream.end.sequence,
                resume=resumed.resume if resumed else None,
            )
            return Authenticated(claims, resumed)

        authenticated = _until_unchanged(attempt)
        claims = authenticated.claims
        logger.info(
            "authenticated",
            extra={"connection_id": connection_id, "subject": claims.subject, "role": claims.role},
        )
        return authenticated

    def subscribe(self, connection_id: str, session_id: int, since: Cursor | None = None) -> Resumed | None:
        """Send a connection a session's events from now on, or those after ``since``.

        Returns where the client resumes, None if it did not ask to. Raises NotAuthenticated, TokenExpired,
        Forbidden, SessionNotFound, TooManySubscriptions, ConnectionUnknown, Contended, Unavailable.
        """

        def attempt() -> Resumed | None:
            connection = self._authenticated(connection_id)
            if connection.session not in (None, session_id):
                raise Forbidden(f"You are a guest of session {connection.session}: you can't follow another.")
            stream = self._streams.of_session(session_id)
            resumed = None if since is None else self._resumed(stream, since)
            resume = resumed.resume if resumed else None
            self._store.join(connection, stream.name, resume, position=stream.end.sequence)
            return resumed

        resumed = _until_unchanged(attempt)
        logger.info("subscribed", extra={"connection_id": connection_id, "session_id": session_id})
        return resumed

    def unsubscribe(self, connection_id: str, session_id: int) -> None:
        """End a subscription. It is no error if there is none.

        Raises NotAuthenticated, TokenExpired, ConnectionUnknown, Contended, Unavailable.
        """

        def attempt() -> None:
            self._authenticated(connection_id)
            self._store.leave(connection_id, session_stream(session_id))

        _until_unchanged(attempt)

    def _resumed(self, stream: Stream[Event], since: Cursor) -> Resumed:
        place = stream.place(since)
        return Resumed(place, Resume(place.cursor.sequence + 1, int(self._now()) + CATCH_UP_SECONDS))

    def _authenticated(self, connection_id: str) -> Connection:
        connection = self._get(connection_id)
        if not connection.authenticated:
            raise NotAuthenticated('Send {"type":"auth","token":"..."} first, and wait for auth_success.')
        if self._expired(connection):
            raise TokenExpired(TOKEN_HAS_EXPIRED)
        return connection

    def admit(self, connection_id: str) -> None:
        """Count a frame of a connection, valid or not. Raises TooManyFrames."""
        self._frames.admit(connection_id)

    def require_open(self, connection_id: str) -> None:
        """Check that a connection is open. Raises TokenExpired, ConnectionUnknown, Unavailable."""
        if self._expired(self._get(connection_id)):
            raise TokenExpired(TOKEN_HAS_EXPIRED)

    def _expired(self, connection: Connection) -> bool:
        return connection.token_expires_at is not None and connection.token_expires_at <= self._now()

    def _now(self) -> float:
        return self._clock().timestamp()

    def _get(self, connection_id: str) -> Connection:
        connection = self._store.get(connection_id)
        # A connection that a sweep is closing is not usable. An expired token has its own error.
        if connection is None or (connection.closing_since is not None and not self._expired(connection)):
            raise ConnectionUnknown
        return connection

    def _verify(self, connection: Connection, token: str) -> Claims:
        connection_id = connection.connection_id
        try:
            claims = self._tokens.verify(token)
            if connection.subject not in (None, claims.subject):
                raise SubjectMismatch(connection.subject or "")
            if claims.expires_at <= self._now():
                # The verifier tolerates clock skew. Delivery does not: it would post nothing.
                raise TokenExpired("The token has expired. Get a new one.")
        except Unauthenticated as failure:
            counted = {"auth_failures": 1, "metrics": ["auth_failures"]}
            extra = {"connection_id": connection_id, "code": failure.code, **counted}
            logger.info("authentication failed", extra=extra)
            if self._count_failure(connection_id) >= MAX_FAILED_AUTHS:
                raise TooManyFailedAuths(failure) from failure
            raise
        return claims

    def _count_failure(self, connection_id: str) -> int:
        try:
            return self._store.count_failed_auth(connection_id)
        except ConnectionGone as gone:
            raise ConnectionUnknown from gone


def _until_unchanged(attempt: Callable[[], T]) -> T:
    """Attempt a change, and retry it if the connection has changed since it was read.

    Another frame of the same client may have renewed its token. If the connection is gone, the next attempt
    raises ConnectionUnknown when it reads the connection.
    """
    for _ in range(MAX_CHANGES):
        with suppress(ConnectionGone):
            return attempt()
    raise Contended("Too many frames at once on this connection. Send this one again in a moment.")
