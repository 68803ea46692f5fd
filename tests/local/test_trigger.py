"""The table's stream, and nothing else, triggers delivery."""

from typing import Any

import boto3
import pytest

from tests.clients import Connect, Host, Target
from tests.conformance.nights import event
from tests.gateway import Gateway

TABLE = "game-night-live-local-sessions"
GAME = {"id": 1, "title": "Tee K.O.", "pack_name": None, "min_players": None, "max_players": None}


@pytest.fixture
def table(gateway: Gateway) -> Any:
    credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    dynamodb = boto3.resource("dynamodb", "us-east-1", endpoint_url=gateway.dynamodb_url, **credentials)
    return dynamodb.Table(TABLE)


def item(table: Any, partition: str, sort_key: str) -> Any:
    return table.get_item(Key={"PK": partition, "SK": sort_key}, ConsistentRead=True)["Item"]


async def test_an_event_that_somebody_else_appends_to_the_table_is_delivered(
    table: Any, target: Target, connected: Connect, host: Host
) -> None:
    bot, session_id = await connected(target.token("bot")), (await host.start())["id"]
    await bot.ask({"type": "subscribe", "sessionId": session_id})
    head = item(table, f"session#{session_id}", "head")
    start = item(table, f"session#{session_id}", "event#0000000001")
    data = {"session": {"id": session_id, "is_active": 1, "games_played": 0}, "game": GAME}
    text = event("game.added", "2025-11-01T20:00:00.123Z", data)

    table.put_item(Item={**head, "sequence": 2})
    table.put_item(Item={**start, "SK": "event#0000000002", "type": "game.added", "envelope": text})

    assert await bot.hear_in(session_id, 1) == [text]


async def test_nothing_but_an_event_that_is_new_in_the_log_is_delivered(
    table: Any, target: Target, connected: Connect, host: Host
) -> None:
    bot = await connected(target.token("bot"))
    session = await host.start()
    own, starts = f"session#{session['id']}", f"event#{session['id']:010}"

    table.put_item(Item=item(table, "sessions", starts) | {"expires_at": 4_000_000_000})
    table.put_item(Item=item(table, own, "head") | {"notes": "changed"})
    later = await host.start()

    await bot.hear_start_of(later["id"])
    assert bot.started == [session["id"], later["id"]]
