"""The rows of an audience: who is live, who is behind, and what each write of one depends on."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.aws.dynamodb.connections.audiences import PAGE_SIZE, DynamoAudiences
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.connection import Recipient, shard_of
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.ports import Resume
from chalicelib.delivery.ports import Audiences
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import NOW, SHARDS, ConnectionsTable, dynamodb_api, read_all
from tests.integration.dynamodb.followers import NIGHT, connection, follower, identify, known

CATCHING_UP_UNTIL = int(NOW) + 30
RESUME = Resume(behind=3, catching_up_until=CATCHING_UP_UNTIL)
LIVE = Recipient("abc=", "api", "dev", FAR_FUTURE)


async def row(table: ConnectionsTable) -> Recipient:
    """Return the one follower, which a page and a read by id show alike."""
    found = await table.audiences.recipient(NIGHT, "abc=")
    assert found is not None
    assert await table.everyone(NIGHT) == [found]
    return found


async def test_a_page_goes_on_after_the_last_one_read(connections_table: ConnectionsTable) -> None:
    names = [f"{number}=" for number in range(20)]
    for name in names:
        follower(connections_table.store, name)
    of_shard = sorted(name for name in names if shard_of(name, SHARDS) == 1)

    first = await connections_table.audiences.page(NIGHT, 1, limit=3)
    second = await connections_table.audiences.page(NIGHT, 1, first.next_after)

    assert [one.connection_id for one in first.recipients] == of_shard[:3]
    assert [one.connection_id for one in second.recipients] == of_shard[3:]
    assert second.next_after is None


async def test_an_audience_of_nobody_is_one_empty_page(connections_table: ConnectionsTable) -> None:
    page = await connections_table.audiences.page(NIGHT, 0)

    assert (page.recipients, page.next_after) == ([], None)
    assert await connections_table.audiences.recipient(NIGHT, "abc=") is None


async def test_a_live_row_falls_behind_once(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store)
    audiences = connections_table.audiences

    fell = [await audiences.fall_behind(NIGHT, "abc=", *places) for places in ((4, 6), (5, 7))]

    assert fell == [True, False]
    assert await row(connections_table) == replace(LIVE, behind=4, missed=6)


async def test_only_newer_events_are_noted_and_only_on_who_is_behind(
    connections_table: ConnectionsTable,
) -> None:
    follower(connections_table.store)
    audiences = connections_table.audiences

    live = await audiences.note_missed(NIGHT, "abc=", 9)
    await audiences.fall_behind(NIGHT, "abc=", 4, 6)
    noted = [await audiences.note_missed(NIGHT, "abc=", missed) for missed in (8, 8, 7)]

    assert not live
    assert noted == [True, False, False]
    assert (await row(connections_table)).missed == 8


async def test_who_joined_behind_notes_its_first_event(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store, resume=RESUME)

    assert await connections_table.audiences.note_missed(NIGHT, "abc=", 1)
    assert (await row(connections_table)).missed == 1


async def test_an_advance_is_saved_once_and_frees_the_row(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store, resume=RESUME)
    audiences = connections_table.audiences
    await audiences.note_missed(NIGHT, "abc=", 9)

    advanced = [await audiences.advance(NIGHT, "abc=", 3, to) for to in (5, 6)]

    assert advanced == [True, False]
    assert await row(connections_table) == replace(LIVE, wants_cursor=True, behind=5, missed=9)


async def test_a_live_row_cannot_advance(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store)

    assert not await connections_table.audiences.advance(NIGHT, "abc=", 1, 2)
    assert await row(connections_table) == LIVE


async def test_a_row_becomes_live_unless_a_newer_event_was_noted(
    connections_table: ConnectionsTable,
) -> None:
    follower(connections_table.store, resume=RESUME)
    audiences = connections_table.audiences
    await audiences.note_missed(NIGHT, "abc=", 9)

    became = [
        await audiences.become_live(NIGHT, "abc=", behind, position)
        for behind, position in ((3, 8), (4, 9), (3, 9), (3, 9))
    ]

    assert became == [False, False, True, False]
    assert await row(connections_table) == replace(LIVE, wants_cursor=True, position=9)


async def test_who_was_caught_up_can_fall_behind_again(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store, resume=RESUME)
    audiences = connections_table.audiences
    await audiences.become_live(NIGHT, "abc=", 3, 5)

    assert await audiences.fall_behind(NIGHT, "abc=", 6, 6)
    assert await row(connections_table) == replace(LIVE, wants_cursor=True, behind=6, missed=6, position=5)


async def test_a_write_makes_no_row_of_who_left(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store, resume=RESUME)
    connections_table.store.leave("abc=", NIGHT)
    audiences = connections_table.audiences

    written = [
        await audiences.fall_behind(NIGHT, "abc=", 1, 1),
        await audiences.note_missed(NIGHT, "abc=", 1),
        await audiences.advance(NIGHT, "abc=", 3, 4),
        await audiences.become_live(NIGHT, "abc=", 3, 4),
    ]

    assert written == [False] * 4
    assert await connections_table.everyone(NIGHT) == []


async def test_whose_token_has_expired_is_not_there(connections_table: ConnectionsTable) -> None:
    store, audiences = connections_table.store, connections_table.audiences
    store.add(connection())
    store.join(identify(store, connection(), who=claims("bot", expires_at=int(NOW) + 1)), NIGHT)

    connections_table.wait(1)
    there = await connections_table.everyone(NIGHT), await audiences.recipient(NIGHT, "abc=")
    fell = await audiences.fall_behind(NIGHT, "abc=", 1, 1)
    identify(store, known(store))

    assert there == ([], None)
    assert not fell
    assert await row(connections_table) == LIVE


async def test_a_token_that_is_renewed_has_its_row_where_it_was(connections_table: ConnectionsTable) -> None:
    store = connections_table.store
    store.add(connection())
    store.join(identify(store, connection(), who=claims("bot", expires_at=int(NOW) + 1)), NIGHT, RESUME)
    connections_table.wait(1)
    await connections_table.audiences.note_missed(NIGHT, "abc=", 9)

    identify(store, known(store))

    assert (await row(connections_table)).behind == 3
    assert (await row(connections_table)).missed == 9


@pytest.fixture
async def expired(table: Callable[[], Table], dynamodb: Any) -> AsyncIterator[Audiences]:
    """An audience whose one row has expired, which TTL has not deleted yet."""
    made = table()
    dynamodb.put_item(TableName=made.name, Item=_row("abc=", expires_at=int(NOW)))
    async with dynamodb_api(made) as api:
        yield DynamoAudiences(api, made.name, 1, lambda: NOW)


async def test_a_row_that_has_expired_is_not_there(expired: Audiences) -> None:
    assert (await expired.page(NIGHT, 0)).recipients == []
    assert await expired.recipient(NIGHT, "abc=") is None
    assert not await expired.fall_behind(NIGHT, "abc=", 1, 1)


async def test_a_row_expires_with_its_connection(table: Callable[[], Table]) -> None:
    made = table()
    async with dynamodb_api(made) as api:
        clock = [NOW]
        audiences = DynamoAudiences(api, made.name, SHARDS, lambda: clock[0])
        follower(DynamoConnectionStore(made, SHARDS, lambda: NOW))
        clock[0] += MAX_CONNECTION_SECONDS - 1
        before = await audiences.recipient(NIGHT, "abc=")
        clock[0] += 1

        assert before == LIVE
        assert await audiences.recipient(NIGHT, "abc=") is None


def test_an_audience_larger_than_a_page_is_read_to_its_end(table: Callable[[], Table], dynamodb: Any) -> None:
    crowded = table()
    ids = [f"{number:05}=" for number in range(PAGE_SIZE + 7)]
    for start in range(0, len(ids), 25):
        puts = [{"PutRequest": {"Item": _row(one)}} for one in ids[start : start + 25]]
        dynamodb.batch_write_item(RequestItems={crowded.name: puts})

    read = [one.connection_id for one in read_all(crowded, NIGHT)]

    assert read == ids


def _row(connection_id: str, expires_at: int = FAR_FUTURE) -> dict[str, Any]:
    return {
        "PK": {"S": f"audience#{NIGHT}#0"},
        "SK": {"S": connection_id},
        "api_id": {"S": "api"},
        "stage": {"S": "dev"},
        "token_expires_at": {"N": str(FAR_FUTURE)},
        "wants_cursor": {"BOOL": False},
        "expires_at": {"N": str(expires_at)},
    }
