"""Every write that the service makes, one after the other, and what is true once it is made."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.auth.secrets import Secret, TokenSecrets
from chalicelib.aws.dynamodb.connections.deadlines import DynamoDeadlineStore
from chalicelib.connections.connection import Connection
from chalicelib.connections.deadlines import Deadline, DeadlineKind
from chalicelib.connections.ports import ExpiredDeadline
from chalicelib.delivery.jobs import Checkpoint, Pending
from chalicelib.errors import TokenInvalid
from chalicelib.idempotency import IdempotentRequest
from chalicelib.nights.cursors import NOW, Cursor
from chalicelib.nights.events import session_stream
from chalicelib.nights.games import NewGame
from chalicelib.nights.votes import VoteRequest, VoteType
from tests.faults.service import Service
from tests.faults.stage import HOST, SHARDS

Act = Callable[[Service], Any]
STREAM, THIRD = session_stream(1), Cursor("e", 3)


def known(service: Service) -> Connection:
    return service.app._connections.get("bot=") or pytest.fail("the connection is gone")


def connects(service: Service) -> None:
    service.app.connections.connect(Connection("new=", "api", "stage", int(time.time()), "127.0.0.1"))


def fails_to_authenticate(service: Service) -> None:
    class Refuses:
        def verify(self, token: str) -> Any:
            raise TokenInvalid(token)

    tokens, service.app.connections._tokens = service.app.connections._tokens, Refuses()
    with pytest.raises(TokenInvalid):
        service.app.connections.authenticate("bot=", "bad")
    service.app.connections._tokens = tokens


def mints(service: Service) -> Any:
    class Secrets:
        def load(self) -> TokenSecrets:
            return TokenSecrets(Secret("k1", "s" * 40))

    service.app.bot_tokens._signer._secrets = Secrets()  # type: ignore[attr-defined]
    return service.app.bot_tokens.mint(HOST, "kosmi", 600, IdempotentRequest("host", "mint", "hash"))


def deadlines(service: Service) -> DynamoDeadlineStore:
    return DynamoDeadlineStore(service.app._connections_table, SHARDS, time.time)


def moves_its_deadline(service: Service) -> None:
    later = Deadline(int(time.time()) + 600, DeadlineKind.TOKEN_EXPIRED)
    deadlines(service).move(known(service), later, frozenset())
    assert known(service).deadline == later


def drops_its_deadline(service: Service) -> None:
    connection = known(service)
    assert connection.deadline is not None
    deadlines(service).drop(ExpiredDeadline("bot=", connection.deadline, connection.revision))


def mends(service: Service) -> None:
    service.put_event_by_hand(2, 9, "game.added", "{}")  # ahead of the session's head
    removed = [name for one in service.app.epochs.renew() for name in one.removed]
    assert len(removed) == 1


def position(service: Service) -> Any:
    """Return where the bot is in session 1: live from, or behind from and up to."""
    [row] = [one for one in service.rows_of("bot=") if one["PK"]["S"].startswith(f"audience#{STREAM}")]
    return [int(row[name]["N"]) for name in ("position", "behind", "missed") if name in row]


ALL_WRITES: dict[str, tuple[Act, Act]] = {
    "connect": (connects, lambda s: s.app._connections.get("new=")),
    "failed auth": (fails_to_authenticate, lambda s: known(s).failed_auths == 1),
    "authenticate": (
        lambda s: s.app.connections.authenticate("bot=", "bot=:bot", NOW),
        lambda s: known(s).wants_cursor,
    ),
    "subscribe": (lambda s: s.app.connections.subscribe("bot=", 2), lambda s: known(s).subscriptions == 2),
    "unsubscribe": (
        lambda s: s.app.connections.unsubscribe("bot=", 2),
        lambda s: known(s).subscriptions == 1,
    ),
    "start": (lambda s: s.app.hosting.start(HOST, None), lambda s: s.app._sessions.head().sequence == 3),
    "add a game": (
        lambda s: s.app.hosting.add_game(HOST, 1, NewGame("Quiplash")),
        lambda s: len(s.app._sessions.games(1)) == 2,
    ),
    "withdraw a vote": (
        lambda s: (
            s.app.voting.vote(HOST, 2, VoteRequest("Zoë", VoteType.UP)),
            s.app.voting.withdraw(HOST, 2, 1, "Zoë"),
        ),
        lambda s: s.app._sessions.log.events(session_stream(2), 3, 1)[0].type == "vote.withdrawn",
    ),
    "remove a game": (
        lambda s: s.app.hosting.remove_game(HOST, 2, 1),
        lambda s: s.app.queries.session(2)["games"] == [],
    ),
    "close a night": (
        lambda s: s.app.hosting.close(HOST, 3),
        lambda s: not s.app.queries.session(3)["is_active"],
    ),
    "mint a token": (mints, lambda s: mints(s) == mints(s)),
    "fall behind": (
        lambda s: s.app._audiences.fall_behind(STREAM, "bot=", 2, 2),
        lambda s: position(s)[-2:] == [2, 2],
    ),
    "note a missed event": (
        lambda s: s.app._audiences.note_missed(STREAM, "bot=", 3),
        lambda s: position(s)[-2:] == [2, 3],
    ),
    "advance": (
        lambda s: s.app._audiences.advance(STREAM, "bot=", 2, 3),
        lambda s: position(s)[-2:] == [3, 3],
    ),
    "become live": (
        lambda s: s.app._audiences.become_live(STREAM, "bot=", 3, 3),
        lambda s: position(s) == [3],
    ),
    "save what was handled": (
        lambda s: s.app._progress.save_handled(STREAM, THIRD),
        lambda s: s.rows_of("fan_out#"),
    ),
    "save what is pending": (
        lambda s: s.app._progress.save_pending(STREAM, Pending(2, THIRD)),
        lambda s: s.rows_of("fan_out#"),
    ),
    "save a checkpoint": (
        lambda s: s.app._progress.save_checkpoint(STREAM, 0, Checkpoint(THIRD, first=2)),
        lambda s: len(s.rows_of("fan_out#")) == 2,
    ),
    "move a deadline": (moves_its_deadline, known),
    "drop a deadline": (drops_its_deadline, known),
    "close by the sweep": (
        lambda s: deadlines(s).claim(known(s), 17),
        lambda s: known(s).closing_since == 17,
    ),
    "mark minutes as swept": (lambda s: deadlines(s).mark_swept(17), lambda s: deadlines(s).swept_to() == 17),
    "disconnect": (lambda s: s.app.connections.disconnect("bot="), lambda s: not s.rows_of("bot=")),
    "mend what a restore left half done": (mends, lambda s: [*s.app.epochs.renew()]),
}
