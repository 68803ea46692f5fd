"""Every write that the service makes beside delivery: who makes it, which call it is, what it changes."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.auth.secrets import Secret, TokenSecrets
from chalicelib.aws.dynamodb.connections.deadlines import DynamoDeadlineStore
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import ExpiredDeadline
from chalicelib.errors import TokenInvalid
from chalicelib.idempotency import IdempotentRequest
from chalicelib.nights.cursors import NOW
from chalicelib.nights.games import NewGame
from tests.faults.dynamodb_refusals import TRANSACTION
from tests.faults.service import Service
from tests.faults.stage import HOST, SHARDS

Act = Callable[[Service], Any]


@dataclass(frozen=True)
class Write:
    """What a caller does, which call of it is refused, and what is true once it is done.

    ``first`` is done before anything is refused.
    """

    name: str
    does: Act
    operations: frozenset[str]
    key: str
    holds: Act = lambda _: True
    first: Act = lambda _: None


def known(service: Service) -> Connection:
    return service.app._connections.get("bot=") or pytest.fail("the connection is gone")


def opened() -> Connection:
    return Connection("new=", "api", "stage", int(time.time()), "127.0.0.1")


def fails_to_authenticate(service: Service) -> None:
    class Refuses:
        def verify(self, token: str) -> Any:
            raise TokenInvalid(token)

    service.app.connections._tokens = Refuses()
    with pytest.raises(TokenInvalid):
        service.app.connections.authenticate("bot=", "bad")


def deadlines(service: Service) -> DynamoDeadlineStore:
    return DynamoDeadlineStore(service.app._connections_table, SHARDS, time.time)


def later() -> Deadline:
    return Deadline(int(time.time()) + 600, DeadlineKind.TOKEN_EXPIRED)


def reached(service: Service) -> ExpiredDeadline:
    connection = known(service)
    return ExpiredDeadline("bot=", connection.deadline or later(), connection.revision)


def mints(service: Service) -> Any:
    service.app.bot_tokens._signer._secrets = _Secrets()  # type: ignore[attr-defined]
    return service.app.bot_tokens.mint(HOST, "kosmi", 600, IdempotentRequest("host", "mint", "hash"))


class _Secrets:
    def load(self) -> TokenSecrets:
        return TokenSecrets(Secret("k1", "s" * 40))


def traces(service: Service) -> list[str]:
    found = service.client("dynamodb").scan(TableName=service.settings.connections_table)["Items"]
    return [row for row in map(json.dumps, found) if "bot=" in row]


def restores(service: Service) -> None:
    service.put_event_by_hand(2, 9, "game.added", "{}")  # ahead of the session's head
    removed = [name for one in service.app.epochs.renew() for name in one.removed]
    assert len(removed) == 1


PUT, UPDATE, DELETE = (frozenset({name}) for name in ("PutItem", "UpdateItem", "DeleteItem"))

WRITES_OF_CONNECTIONS = [
    Write(
        "connect",
        lambda s: s.app.connections.connect(opened()),
        TRANSACTION,
        "connection#new=",
        lambda s: s.app._connections.get("new="),
    ),
    Write(
        "authenticate",
        lambda s: s.app.connections.authenticate("bot=", "bot=:bot", NOW),
        TRANSACTION,
        "connection#bot=",
        lambda s: known(s).wants_cursor,
    ),
    Write(
        "failed auth", fails_to_authenticate, UPDATE, "connection#bot=", lambda s: known(s).failed_auths == 1
    ),
    Write(
        "subscribe",
        lambda s: s.app.connections.subscribe("bot=", 2),
        TRANSACTION,
        "connection#bot=",
        lambda s: known(s).subscriptions == 2,
    ),
    Write(
        "unsubscribe",
        lambda s: s.app.connections.unsubscribe("bot=", 1),
        TRANSACTION,
        "connection#bot=",
        lambda s: known(s).subscriptions == 0,
    ),
    *(
        Write(
            f"disconnect: {what}",
            lambda s: s.app.connections.disconnect("bot="),
            operation,
            key,
            lambda s: not traces(s),
        )
        for what, operation, key in [
            ("head", DELETE, "connection#bot="),
            ("deadline", DELETE, "deadline#"),
            ("audience", TRANSACTION, "audience#"),
        ]
    ),
    Write(
        "close by the sweep",
        lambda s: deadlines(s).claim(known(s), 17),
        UPDATE,
        "connection#bot=",
        lambda s: known(s).closing_since == 17,
    ),
    Write(
        "move a deadline",
        lambda s: deadlines(s).move(known(s), later(), frozenset()),
        TRANSACTION,
        "connection#bot=",
        lambda s: (known(s).deadline or later()).at - time.time() < 601,
    ),
    Write("drop a deadline", lambda s: deadlines(s).drop(reached(s)), DELETE, "deadline#"),
    Write(
        "mark minutes as swept",
        lambda s: deadlines(s).mark_swept(17),
        UPDATE,
        "swept",
        lambda s: deadlines(s).swept_to() == 17,
    ),
]

WRITES_OF_NIGHTS = [
    Write(
        "start",
        lambda s: s.app.hosting.start(HOST, None),
        TRANSACTION,
        "sessions head",
        lambda s: s.app._sessions.head().sequence == 3,
    ),
    Write(
        "add a game",
        lambda s: s.app.hosting.add_game(HOST, 1, NewGame("Quiplash")),
        TRANSACTION,
        "session#1 head",
        lambda s: len(s.app._sessions.games(1)) == 2,
    ),
    Write(
        "close a night",
        lambda s: s.app.hosting.close(HOST, 1),
        TRANSACTION,
        "session#1 head",
        lambda s: not s.app.queries.session(1)["is_active"],
    ),
    Write("mint a token", mints, PUT, "idempotency#", lambda s: mints(s) == mints(s)),
    Write(
        "renew the epoch of all sessions",
        lambda s: [*s.app.epochs.renew()],
        UPDATE,
        "sessions head",
    ),
    Write("remove what a restore left half done", restores, TRANSACTION, "session#2 head"),
    Write("renew the epoch of a session", lambda s: [*s.app.epochs.renew()], UPDATE, "session#2 head"),
]

ALL_WRITES = WRITES_OF_CONNECTIONS + WRITES_OF_NIGHTS
