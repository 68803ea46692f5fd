"""The rows of an audience: who is live, who is behind, and what each write of one depends on."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb.connections import audiences
from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
from chalicelib.aws.dynamodb.connections.connections import DynamoConnectionStore
from chalicelib.aws.dynamodb.database import Table
from chalicelib.connections.connection import Recipient, shard_of
from chalicelib.connections.lifetime import MAX_CONNECTION_SECONDS
from chalicelib.connections.ports import Resume
from tests.fakes.identity import FAR_FUTURE, claims
from tests.integration.dynamodb.conftest import NOW, SHARDS, ConnectionsTable, dynamodb_api
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


async def test_a_live_row_falls_behind_once(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store)
    rows = connections_table.audiences

    fell = [await rows.fall_behind(NIGHT, "abc=", *places) for places in ((4, 6), (5, 7))]

    assert fell == [True, False]
    assert await row(connections_table) == replace(LIVE, behind=4, missed=6)


async def test_an_advance_is_saved_once_and_frees_the_row(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store, resume=RESUME)
    rows = connections_table.audiences
    await rows.note_missed(NIGHT, "abc=", 9)

    advanced = [await rows.advance(NIGHT, "abc=", 3, to) for to in (5, 6)]

    assert advanced == [True, False]
    assert await row(connections_table) == replace(LIVE, wants_cursor=True, behind=5, missed=9)


async def test_a_row_is_live_unless_a_newer_event_was_noted(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store, resume=RESUME)
    rows = connections_table.audiences
    await rows.note_missed(NIGHT, "abc=", 9)

    became = [
        await rows.become_live(NIGHT, "abc=", behind, position)
        for behind, position in ((3, 8), (4, 9), (3, 9), (3, 9))
    ]

    assert became == [False, False, True, False]
    assert await row(connections_table) == replace(LIVE, wants_cursor=True, position=9)
    assert not await rows.advance(NIGHT, "abc=", 3, 10)
    assert await rows.fall_behind(NIGHT, "abc=", 10, 10)


async def test_a_write_makes_no_row_of_who_left(connections_table: ConnectionsTable) -> None:
    follower(connections_table.store, resume=RESUME)
    connections_table.store.leave("abc=", NIGHT)
    rows = connections_table.audiences

    written = [
        await rows.fall_behind(NIGHT, "abc=", 1, 1),
        await rows.note_missed(NIGHT, "abc=", 1),
        await rows.advance(NIGHT, "abc=", 3, 4),
        await rows.become_live(NIGHT, "abc=", 3, 4),
    ]

    assert written == [False] * 4
    assert await connections_table.everyone(NIGHT) == []


async def test_a_page_goes_on_after_the_last_one_read(
    connections_table: ConnectionsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audiences, "PAGE_SIZE", 7)
    names = [f"{number}=" for number in range(20)]
    for name in names:
        follower(connections_table.store, name)
    of_shard = sorted(name for name in names if shard_of(name, SHARDS) == 1)

    first = await connections_table.audiences.page(NIGHT, 1, limit=3)
    second = await connections_table.audiences.page(NIGHT, 1, first.next_after)

    assert [one.connection_id for one in first.recipients] == of_shard[:3]
    assert [one.connection_id for one in second.recipients][:6] == of_shard[3:9]
    assert sorted(one.connection_id for one in await connections_table.everyone(NIGHT)) == sorted(names)


async def test_only_newer_events_are_noted_and_only_behind(connections_table: ConnectionsTable) -> None:
    store, noting = connections_table.store, connections_table.audiences
    follower(store)

    live = await noting.note_missed(NIGHT, "abc=", 9)
    store.join(known(store), NIGHT, RESUME)
    noted = [await noting.note_missed(NIGHT, "abc=", missed) for missed in (1, 8, 8, 7)]

    assert not live
    assert noted == [True, True, False, False]
    assert (await row(connections_table)).missed == 8


@pytest.mark.parametrize("resume", [None, RESUME])
async def test_whose_token_has_expired_is_not_there(
    connections_table: ConnectionsTable, resume: Resume | None
) -> None:
    store, expiring = connections_table.store, connections_table.audiences
    store.add(connection())
    store.join(identify(store, connection(), who=claims("bot", expires_at=int(NOW) + 1)), NIGHT, resume)

    connections_table.wait(1)
    there = await connections_table.everyone(NIGHT), await expiring.recipient(NIGHT, "abc=")
    fell = await expiring.fall_behind(NIGHT, "abc=", 1, 1)
    noted = await expiring.note_missed(NIGHT, "abc=", 9)
    identify(store, known(store))

    assert there == ([], None)
    assert (fell, noted) == (False, resume is not None)
    renewed = await row(connections_table)
    assert (renewed.behind, renewed.missed) == ((3, 9) if resume else (None, 0))


async def test_a_row_expires_with_its_connection(table: Callable[[], Table]) -> None:
    made = table()
    async with dynamodb_api(made) as api:
        clock = [NOW]
        rows = DynamoAudiences(api, made.name, 1, lambda: clock[0])
        follower(DynamoConnectionStore(made, 1, lambda: NOW))
        clock[0] += MAX_CONNECTION_SECONDS - 1
        before = await rows.recipient(NIGHT, "abc=")
        clock[0] += 1

        assert before == LIVE
        assert await rows.recipient(NIGHT, "abc=") is None
        assert (await rows.page(NIGHT, 0)).recipients == []
        assert not await rows.fall_behind(NIGHT, "abc=", 1, 1)
