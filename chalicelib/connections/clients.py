"""The use cases of a client on a WebSocket: connect, prove who you are, subscribe, leave.

A client that comes back with a cursor is put into the audience first and the log is read after that, so that
an event may come twice and is never missed. Leaves frames to ``api.live.frames`` and answering to the entry
point.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from chalicelib.auth.claims import Claims
from chalicelib.auth.ports import TokenVerifier
from chalicelib.connections.connection import Connection, session_audience
from chalicelib.connections.frame_limit import FrameLimit
from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.connections.ports import ConnectionGone, ConnectionStore
from chalicelib.errors import (
    ConnectionUnknown,
    Contended,
    NotAuthenticated,
    SubjectMismatch,
    TokenExpired,
    Unauthenticated,
)
from chalicelib.nights.cursors import Cursor
from chalicelib.nights.events import Event
from chalicelib.nights.queries import Streams
from chalicelib.nights.streams import Replay
from chalicelib.timestamps import Clock

logger = logging.getLogger(__name__)

MAX_FAILED_AUTHS = 3
"""The failure with this number closes the connection, as the contract says."""


TOKEN_HAS_EXPIRED = "The token has expired. Connect again with a new one."  # noqa: S105 - a sentence

LIFE = ConnectionLife()

MAX_CHANGES = 5
"""How often a connection is read again that has changed since: more frames than anyone sends at once."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who a client proved to be, and what it has missed; None where it did not ask."""

    claims: Claims
    missed: Replay[Event] | None = None


class ConnectionExpired(Exception):
    """The token of the connection has expired before another one came: nothing more can come of it."""

    def __init__(self) -> None:
        super().__init__(TOKEN_HAS_EXPIRED)
        self.failure = TokenExpired(TOKEN_HAS_EXPIRED)


class TooManyFailedAuths(Exception):
    """The last failed authentication that a connection is allowed."""

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
        """Remember a connection. It hears nothing before it has authenticated, and has not long to do so."""
        self._store.add(replace(connection, deadline=self._life.next(connection, self._now())))

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection and everything that it was subscribed to."""
        self._store.remove(connection_id)

    def authenticate(self, connection_id: str, token: str, since: Cursor | None = None) -> Authenticated:
        """Verify a token and let the connection hear what is for everyone.

        From the moment this returns, no event for everyone is missed; with ``since``, none after it. The
        replay ends with TokenExpired where the token does meanwhile. Raises
        TokenInvalid, TokenExpired or SubjectMismatch; TooManyFailedAuths in their place the last time;
        ConnectionExpired; ConnectionUnknown, Contended, Unavailable.
        """

        def attempt() -> Claims:
            connection = self._get(connection_id)
            if self._expired(connection):
                raise ConnectionExpired
            claims = self._verify(connection, token)
            known = connection.identified(claims, wants_cursor=since is not None)
            deadline = self._life.next(known, self._now())
            self._store.authenticate(connection, claims, wants_cursor=since is not None, deadline=deadline)
            return claims

        claims = _until_unchanged(attempt)
        logger.info(
            "authenticated",
            extra={"connection_id": connection_id, "subject": claims.subject, "role": claims.role},
        )
        if since is None:
            return Authenticated(claims)
        missed = self._streams.of_starts().replay(since)
        return Authenticated(claims, self._while_token_lasts(connection_id, claims.expires_at, missed))

    def subscribe(
        self, connection_id: str, session_id: int, since: Cursor | None = None
    ) -> Replay[Event] | None:
        """Let a connection hear what is for a session's subscribers.

        Returns what the client has missed after ``since``, None where it did not ask; the replay ends with
        TokenExpired where the token does meanwhile. Raises
        NotAuthenticated, TokenExpired, SessionNotFound, TooManySubscriptions, ConnectionUnknown, Contended,
        Unavailable.
        """

        def attempt() -> Connection:
            connection = self._authenticated(connection_id)
            self._streams.of_session(session_id)
            self._store.join(connection, session_audience(session_id), wants_cursor=since is not None)
            return connection

        connection = _until_unchanged(attempt)
        logger.info("subscribed", extra={"connection_id": connection_id, "session_id": session_id})
        # The stream is read again: what ended it before the connection had joined may have been delivered.
        if since is None:
            return None
        missed = self._streams.of_session(session_id).replay(since)
        return self._while_token_lasts(connection_id, connection.token_expires_at, missed)

    def unsubscribe(self, connection_id: str, session_id: int) -> None:
        """End a subscription; one that never was is fine.

        Raises NotAuthenticated, TokenExpired, ConnectionUnknown, Contended, Unavailable.
        """

        def attempt() -> None:
            self._authenticated(connection_id)
            self._store.leave(connection_id, session_audience(session_id))

        _until_unchanged(attempt)

    def _while_token_lasts(
        self, connection_id: str, expires_at: int | None, missed: Replay[Event]
    ) -> Replay[Event]:
        """End a replay, which may take long, where the token does that it began with, or its successor."""

        def entries() -> Iterator[Event]:
            until = expires_at or 0
            for event in missed.entries:
                if until <= self._now():
                    until = self._authenticated(connection_id).token_expires_at or 0
                yield event

        return replace(missed, entries=entries())

    def _authenticated(self, connection_id: str) -> Connection:
        connection = self._get(connection_id)
        if not connection.authenticated:
            raise NotAuthenticated('Send {"type":"auth","token":"..."} first, and wait for auth_success.')
        if self._expired(connection):
            raise TokenExpired(TOKEN_HAS_EXPIRED)
        return connection

    def admit(self, connection_id: str) -> None:
        """Count a frame of a connection, whatever is in it. Raises TooManyFrames."""
        self._frames.admit(connection_id)

    def require_open(self, connection_id: str) -> None:
        """Make sure that something may be said on a connection.

        Raises TokenExpired, ConnectionUnknown, Unavailable.
        """
        if self._expired(self._get(connection_id)):
            raise TokenExpired(TOKEN_HAS_EXPIRED)

    def _expired(self, connection: Connection) -> bool:
        return connection.token_expires_at is not None and connection.token_expires_at <= self._now()

    def _now(self) -> float:
        return self._clock().timestamp()

    def _get(self, connection_id: str) -> Connection:
        connection = self._store.get(connection_id)
        # One that a sweep is closing is over, but of an expired token the client is told by whoever is first.
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
                # The verifier allows for clocks that differ; delivery does not, and would post nothing.
                raise TokenExpired("The token has expired. Get a new one.")
        except Unauthenticated as failure:
            logger.info(
                "authentication failed",
                extra={
                    "connection_id": connection_id,
                    "code": failure.code,
                    "auth_failures": 1,
                    "metrics": ["auth_failures"],
                },
            )
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
    """Do what needs the connection as it was read, again where it has changed meanwhile.

    Another frame of the same client may have renewed its token. That the connection is gone is found, and
    raised, by reading it.
    """
    for _ in range(MAX_CHANGES):
        with suppress(ConnectionGone):
            return attempt()
    raise Contended("Too many frames at once on this connection. Send this one again in a moment.")
