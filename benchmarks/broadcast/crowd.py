"""Tables with many connections in them: ours, as authenticating leaves it, and one as the samples keep it.

Written straight to the engine: a hundred thousand handshakes would say nothing about a broadcast.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.aws.dynamodb.keys import audience_key, connection_key
from chalicelib.connections.connection import shard_of
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from infra.local.engine.tables import ensure_tables
from infra.template import tables

REGION = "us-east-1"
SHARDS = 8
WRITERS = 8
FAR_FUTURE = {"N": "4000000000"}
SAMPLES = "chat-connections"
OTHERS_SESSION = 999_999


@dataclass(frozen=True, slots=True)
class Names:
    """What the tables are called."""

    sessions: str
    connections: str


def client(url: str, service: str = "dynamodb") -> Any:
    return boto3.client(
        service,
        REGION,
        endpoint_url=url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(max_pool_connections=WRITERS, read_timeout=60),
    )


def make_tables(url: str) -> Names:
    """Create our two tables, and the one of the samples."""
    dynamodb = client(url)
    defined = tables("bench")
    ensure_tables(dynamodb, defined.values())
    dynamodb.create_table(
        TableName=SAMPLES,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "room", "KeyType": "HASH"},
            {"AttributeName": "connectionId", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "room", "AttributeType": "S"},
            {"AttributeName": "connectionId", "AttributeType": "S"},
        ],
    )
    return Names(defined["SessionsTable"].name, defined["ConnectionsTable"].name)


def connection_ids(first: int, last: int) -> Iterator[str]:
    """Yield ids as long as API Gateway's."""
    return (f"L0SM9c{number:08d}w=" for number in range(first, last))


def authenticate(url: str, names: Names, first: int, last: int) -> None:
    """Put connections into the audience of all, and into the samples' room."""
    rows = (_recipient(SESSIONS_STREAM, one) for one in connection_ids(first, last))
    _write(url, names.connections, rows)
    _write(
        url,
        SAMPLES,
        ({"room": {"S": "all"}, "connectionId": {"S": one}} for one in connection_ids(first, last)),
    )


def add_others(url: str, names: Names, count: int) -> None:
    """Put connections into the tables whom a start does not concern: they have not authenticated, or are
    subscribers of another session that is all that is left of them.
    """
    ids = list(connection_ids(50_000_000, 50_000_000 + count))
    _write(url, names.connections, (_head(one) for one in ids[: count // 2]))
    _write(
        url,
        names.connections,
        (_recipient(session_stream(OTHERS_SESSION), one) for one in ids[count // 2 :]),
    )


def _recipient(stream: str, connection_id: str) -> dict[str, Any]:
    return {
        "PK": {"S": audience_key(stream, shard_of(connection_id, SHARDS))},
        "SK": {"S": connection_id},
        "api_id": {"S": "abcdef1234"},
        "stage": {"S": "prod"},
        "token_expires_at": FAR_FUTURE,
        "wants_cursor": {"BOOL": False},
        "expires_at": FAR_FUTURE,
    }


def _head(connection_id: str) -> dict[str, Any]:
    return {
        "PK": {"S": connection_key(connection_id)},
        "SK": {"S": "head"},
        "api_id": {"S": "abcdef1234"},
        "stage": {"S": "prod"},
        "connected_at": {"N": "1762027200"},
        "source_ip": {"S": "203.0.113.7"},
        "expires_at": FAR_FUTURE,
    }


def _write(url: str, table: str, items: Iterable[dict[str, Any]]) -> None:
    dynamodb = client(url)

    def put(batch: list[dict[str, Any]]) -> None:
        requests = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        while requests:
            requests = dynamodb.batch_write_item(RequestItems=requests)["UnprocessedItems"]

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(put, _batches(iter(items))))


def _batches(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(items, 25)):
        yield batch
