"""The use cases of a client on a WebSocket: connect, prove who you are, subscribe, leave.

Leaves frames to ``wire.frames`` and answering to the entry point.
"""

import logging

from chalicelib.domain.connections import Connection, session_audience
from chalicelib.domain.errors import (
    ConnectionUnknown,
    NotAuthenticated,
    SessionNotFound,
    SubjectMismatch,
    TokenExpired,
    Unauthenticated,
)
from chalicelib.domain.identity import Claims
from chalicelib.domain.timestamps import Clock
from chalicelib.services.ports import ConnectionGone, ConnectionStore, SessionStore, TokenVerifier

logger = logging.getLogger(__name__)

MAX_FAILED_AUTHS = 3
"""The failure with this number closes the connection, as the contract says."""


class TooManyFailedAuths(Exception):
    """The last failed authentication that a connection is allowed."""

    def __init__(self, failure: Unauthenticated) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class Connections:
    """Connections, as clients use them."""

    def __init__(
        self, store: ConnectionStore, sessions: SessionStore, tokens: TokenVerifier, clock: Clock
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._tokens = tokens
        self._clock = clock

    def connect(self, connection: Connection) -> None:
        """Remember a connection. It hears nothing before it has authenticated."""
        self._store.add(connection)

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection and everything that it was subscribed to."""
        self._store.remove(connection_id)

    def authenticate(self, connection_id: str, token: str) -> Claims:
        """Verify a token and let the connection hear what is for everyone.

        From the moment this returns, no event for everyone is missed. Raises TokenInvalid, TokenExpired or
        SubjectMismatch; TooManyFailedAuths in their place the last time; ConnectionUnknown.
        """
        connection = self._get(connection_id)
        try:
            claims = self._tokens.verify(token)
            if connection.subject not in (None, claims.subject):
                raise SubjectMismatch(connection.subject or "")
        except Unauthenticated as failure:
            logger.info("authentication failed", extra={"connection_id": connection_id, "code": failure.code})
            if self._count_failure(connection_id) >= MAX_FAILED_AUTHS:
                raise TooManyFailedAuths(failure) from failure
            raise
        try:
            self._store.authenticate(connection, claims, wants_cursor=connection.wants_cursor)
        except ConnectionGone as gone:
            raise ConnectionUnknown from gone
        return claims

    def subscribe(self, connection_id: str, session_id: int) -> None:
        """Let a connection hear what is for a session's subscribers.

        Raises NotAuthenticated, TokenExpired, SessionNotFound, ConnectionUnknown.
        """
        connection = self._authenticated(connection_id)
        if self._sessions.session(session_id) is None:
            raise SessionNotFound(session_id)
        try:
            self._store.join(connection, session_audience(session_id), wants_cursor=connection.wants_cursor)
        except ConnectionGone as gone:
            raise ConnectionUnknown from gone

    def unsubscribe(self, connection_id: str, session_id: int) -> None:
        """End a subscription; one that never was is fine. Raises NotAuthenticated, TokenExpired."""
        self._authenticated(connection_id)
        self._store.leave(connection_id, session_audience(session_id))

    def _authenticated(self, connection_id: str) -> Connection:
        connection = self._get(connection_id)
        if not connection.authenticated:
            raise NotAuthenticated('Send {"type":"auth","token":"..."} first, and wait for auth_success.')
        if (connection.token_expires_at or 0) <= self._clock().timestamp():
            raise TokenExpired("The token has expired. Connect again with a new one.")
        return connection

    def _get(self, connection_id: str) -> Connection:
        connection = self._store.get(connection_id)
        if connection is None:
            raise ConnectionUnknown
        return connection

    def _count_failure(self, connection_id: str) -> int:
        try:
            return self._store.count_failed_auth(connection_id)
        except ConnectionGone as gone:
            raise ConnectionUnknown from gone
