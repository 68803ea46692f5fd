"""Connections that follow streams, as the tests of both sides of an audience make them."""

import pytest

from chalicelib.auth.claims import Claims
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import ConnectionStore, Resume
from chalicelib.nights.events import session_stream
from tests.fakes.identity import claims
from tests.integration.dynamodb.conftest import NOW

NIGHT, OTHER_NIGHT = session_stream(17), session_stream(18)
END = Deadline(int(NOW) + 7200, DeadlineKind.END)


def connection(connection_id: str = "abc=") -> Connection:
    return Connection(connection_id, "api", "dev", connected_at=int(NOW), source_ip="127.0.0.1")


def known(store: ConnectionStore, connection_id: str = "abc=") -> Connection:
    return store.get(connection_id) or pytest.fail(f"{connection_id} is gone")


def identify(
    store: ConnectionStore, connection: Connection, resume: Resume | None = None, *, who: Claims | None = None
) -> Connection:
    """Authenticate a connection, and return it as it is then."""
    store.authenticate(connection, who or claims("bot"), deadline=END, resume=resume)
    return known(store, connection.connection_id)


def authenticated(
    store: ConnectionStore, connection_id: str = "abc=", resume: Resume | None = None
) -> Connection:
    store.add(connection(connection_id))
    return identify(store, connection(connection_id), resume)


def follower(store: ConnectionStore, connection_id: str = "abc=", resume: Resume | None = None) -> None:
    """Let a connection follow NIGHT."""
    store.join(authenticated(store, connection_id), NIGHT, resume)
