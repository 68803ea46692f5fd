"""The table's stream, and nothing else, triggers delivery."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.clients import Connect, Host, Target
from tests.gateway import Gateway

TABLE = "game-night-live-local-sessions"
EVENT = "event#0000000001"
UNUSED_ID = 999_999_999
"""No session of a test gets this far."""


@pytest.fixture
def table(gateway: Gateway) -> Any:
    credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    dynamodb = boto3.resource("dynamodb", "us-east-1", endpoint_url=gateway.dynamodb_url, **credentials)
    return dynamodb.Table(TABLE)


@pytest.fixture
def invented(table: Any) -> Iterator[str]:
    """The partition of a session that no host has started."""
    partition = f"session#{UNUSED_ID}"
    yield partition
    for sort_key in ("head", EVENT):
        table.delete_item(Key={"PK": partition, "SK": sort_key})


def logged_start(table: Any, session_id: int) -> Any:
    key = {"PK": f"session#{session_id}", "SK": EVENT}
    return table.get_item(Key=key, ConsistentRead=True)["Item"]


async def test_an_event_that_somebody_else_appends_to_the_table_is_delivered(
    table: Any, invented: str, target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    event = logged_start(table, (await host.start())["id"])
    envelope = json.loads(event["envelope"])
    envelope["data"]["session"]["id"] = UNUSED_ID
    text = json.dumps(envelope, separators=(",", ":"))

    table.put_item(Item={**event, "PK": invented, "envelope": text})

    assert await bot.hear_start_of(UNUSED_ID) == text


async def test_nothing_but_an_event_that_is_new_in_the_log_is_delivered(
    table: Any, invented: str, target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    session = await host.start()
    event = logged_start(table, session["id"])
    head = table.get_item(Key={"PK": event["PK"], "SK": "head"})["Item"]

    table.put_item(Item={**event, "epoch": "changed"})
    table.put_item(Item={**head, "PK": invented})
    later = await host.start()

    await bot.hear_start_of(later["id"])
    assert bot.started == [session["id"], later["id"]]
