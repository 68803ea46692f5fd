"""The items of both tables as PynamoDB models, and their binding to real tables.

``infra/stack.yaml`` creates the tables; nothing here does. The models below are templates without a
table: ``Table.bind`` makes the classes that the stores use, so that table names, Region and endpoint are
passed and not found in module state.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.connection.base import Connection, MetaTable
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

M = TypeVar("M", bound=Model)

CONNECT_TIMEOUT_SECONDS = 1
READ_TIMEOUT_SECONDS = 3
"""A DynamoDB answer takes milliseconds; one that takes seconds is better asked for again."""

MAX_POOL_CONNECTIONS = 32
"""As many as there are threads that read an audience."""


class _Item(Model):
    PK = UnicodeAttribute(hash_key=True)
    SK = UnicodeAttribute(range_key=True)


class StreamHeadItem(_Item):
    """``sessions`` / ``head``: the epoch, and the id of the newest session."""

    epoch = UnicodeAttribute()
    sequence = NumberAttribute()


class ActiveSessionItem(_Item):
    """``sessions`` / ``active#0000000017``: there as long as session 17 is active."""


class SessionItem(_Item):
    """``session#17`` / ``head``: the session; ``sequence`` is that of its newest event."""

    epoch = UnicodeAttribute()
    sequence = NumberAttribute()
    created_at = UnicodeAttribute()
    notes = UnicodeAttribute(null=True)
    is_active = BooleanAttribute()
    ended_at = UnicodeAttribute(null=True)
    games_played = NumberAttribute(default=0)
    crowded_until = NumberAttribute(default=0)


class GameItem(_Item):
    """``session#17`` / ``game#0001``: a game and its tallies."""

    title = UnicodeAttribute()
    pack_name = UnicodeAttribute(null=True)
    min_players = NumberAttribute(null=True)
    max_players = NumberAttribute(null=True)
    upvotes = NumberAttribute(default=0)
    downvotes = NumberAttribute(default=0)


class GameOrVoteItem(_Item):
    """A game or a vote, as one BatchGetItem reads both; the other's attributes are None."""

    title = UnicodeAttribute(null=True)
    pack_name = UnicodeAttribute(null=True)
    min_players = NumberAttribute(null=True)
    max_players = NumberAttribute(null=True)
    upvotes = NumberAttribute(default=0)
    downvotes = NumberAttribute(default=0)
    username = UnicodeAttribute(null=True)
    type = UnicodeAttribute(null=True)
    timestamp = UnicodeAttribute(null=True)


class VoteItem(_Item):
    """``session#17`` / ``vote#0001#{voter}``: the vote of one voter for one game that counts."""

    username = UnicodeAttribute()
    type = UnicodeAttribute()
    timestamp = UnicodeAttribute()


class BallotItem(_Item):
    """``ballots#17`` / ``{milliseconds}#{id}``: a vote that waits to be counted with others.

    A partition of its own: what is written to a session's is what bounds its votes.

    ``subject``, ``key`` and ``request_hash`` are its idempotency key's, where it has one.
    """

    username = UnicodeAttribute()
    type = UnicodeAttribute()
    game_id = NumberAttribute(null=True)
    subject = UnicodeAttribute(null=True)
    key = UnicodeAttribute(null=True)
    request_hash = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class EventItem(_Item):
    """``session#17`` / ``event#0000000001``: what one commit logged. This is the log and the outbox.

    ``envelope`` is the event as sent; where several votes were counted together, their events in order,
    one a line, and the sort key is that of the last. ``ballots`` are then the ids of what was counted.
    """

    type = UnicodeAttribute()
    envelope = UnicodeAttribute()
    ballots = ListAttribute(of=UnicodeAttribute, null=True)
    epoch = UnicodeAttribute()
    sessions_epoch = UnicodeAttribute(null=True)
    expires_at = NumberAttribute()


class IdempotencyItem(_Item):
    """``idempotency#{sub}#{key}`` / ``head``: what was asked under this key, and what was answered."""

    request_hash = UnicodeAttribute()
    answer = UnicodeAttribute()
    expires_at = NumberAttribute()


class ConnectionItem(_Item):
    """``connection#{id}`` / ``head``: the connection, and who it proved to be."""

    api_id = UnicodeAttribute()
    stage = UnicodeAttribute()
    connected_at = NumberAttribute()
    source_ip = UnicodeAttribute()
    subject = UnicodeAttribute(null=True)
    role = UnicodeAttribute(null=True)
    token_expires_at = NumberAttribute(null=True)
    failed_auths = NumberAttribute(default=0)
    subscriptions = NumberAttribute(default=0)
    wants_cursor = BooleanAttribute(default=False)
    deadline_at = NumberAttribute(null=True)
    deadline_kind = UnicodeAttribute(null=True)
    told = ListAttribute(of=UnicodeAttribute, null=True)
    closing_since = NumberAttribute(null=True)
    revision = NumberAttribute(default=0)
    expires_at = NumberAttribute()


class DeadlineItem(_Item):
    """``deadline#{minute}#{shard}`` / ``{kind}#{connection id}``: a connection has this deadline next.

    ``at`` is in Unix seconds, ``revision`` that of the connection when this was put.
    """

    at = NumberAttribute()
    revision = NumberAttribute()
    expires_at = NumberAttribute()


class SweptItem(_Item):
    """``swept`` / ``head``: nothing is left to do up to ``minute``."""

    minute = NumberAttribute()


class MembershipItem(_Item):
    """``connection#{id}`` / ``audience#{key}``: the way back from a connection to an audience it is in."""

    expires_at = NumberAttribute()


class RecipientItem(_Item):
    """``audience#{key}#{shard}`` / ``{connection id}``: one authenticated connection of an audience.

    The ``lag`` attributes are there while it lags: from which event to which it has missed what.
    """

    api_id = UnicodeAttribute()
    stage = UnicodeAttribute()
    token_expires_at = NumberAttribute()
    wants_cursor = BooleanAttribute(default=False)
    expires_at = NumberAttribute()
    lag_first = NumberAttribute(null=True)
    lag_last = NumberAttribute(null=True)
    lag_parked = BooleanAttribute(null=True)


class Database:
    """DynamoDB in one Region, on one botocore client. ``endpoint`` is None for AWS's own.

    A client costs tens of milliseconds of CPU to make, so that one for each table, let alone for each model,
    would be felt at every cold start.
    """

    def __init__(self, region: str, endpoint: str | None = None) -> None:
        self.region = region
        self.endpoint = endpoint
        self.connection = Connection(
            region=region,
            host=endpoint,
            connect_timeout_seconds=CONNECT_TIMEOUT_SECONDS,
            read_timeout_seconds=READ_TIMEOUT_SECONDS,
            max_pool_connections=MAX_POOL_CONNECTIONS,
        )
        # Made here, by one thread. PynamoDB makes it when it is first needed and takes no lock: the threads
        # of a function would each make their own.
        _ = self.connection.client


class Table:
    """One real table of a database, and all models of it."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self.database = database
        self._meta = type(
            "Meta",
            (),
            {"table_name": name, "region": database.region, "host": database.endpoint},
        )
        self._table = TableConnection(name)
        self._table.connection = database.connection
        database.connection.add_meta_table(
            MetaTable(
                {
                    "TableName": name,
                    "KeySchema": [
                        {"AttributeName": "PK", "KeyType": "HASH"},
                        {"AttributeName": "SK", "KeyType": "RANGE"},
                    ],
                    "AttributeDefinitions": [
                        {"AttributeName": "PK", "AttributeType": "S"},
                        {"AttributeName": "SK", "AttributeType": "S"},
                    ],
                }
            )
        )

    def bind(self, template: type[M]) -> type[M]:
        """Return the template as a model of this table."""
        namespace = {
            "Meta": self._meta,
            "_connection": self._table,  # PynamoDB offers no public way to share it
            "__module__": template.__module__,
            "__doc__": template.__doc__,
        }
        metaclass: Callable[..., type[M]] = type(template)
        return metaclass(template.__name__, (template,), namespace)

    def take(self, partition: str, sort_key: str) -> dict[str, Any]:
        """Delete an item and return its attributes as DynamoDB has them; none where it was not there."""
        taken = self._table.delete_item(partition, sort_key, return_values="ALL_OLD")
        attributes: dict[str, Any] = taken.get("Attributes", {})
        return attributes

    def transaction(self) -> TransactWrite:
        """Return a transaction: what is added to it is written whole or not at all at the block's end."""
        return TransactWrite(connection=self.database.connection)
