"""Writes meet other writes, tables throttle, batches come back in part: the caller is not told."""

import asyncio
import inspect
from typing import Any

import pytest

from chalicelib.connections.removal import remove_gone
from chalicelib.nights.cursors import BEGINNING
from chalicelib.nights.events import SESSIONS_STREAM, session_stream
from chalicelib.retry import Backoff, RetryPolicy
from tests.faults.dynamodb_refusals import BATCHES, SINGLE_WRITES, TRANSACTION, WRITES, Fault
from tests.faults.faulty_dynamodb import FaultyDynamoDb
from tests.faults.service import Service
from tests.faults.writes import ALL_WRITES, Act, known

THROTTLED = (Fault.THROTTLED, Fault.OVER_CAPACITY, Fault.REQUEST_LIMIT)
BROKEN = (Fault.BROKEN, Fault.AWAY)
REASONS = (Fault.REASON_THROTTLED, Fault.REASON_OVER_CAPACITY)


@pytest.fixture(autouse=True)
async def _two_nights_and_a_bot(service: Service) -> None:
    for _ in range(2):
        await service.add_game(await service.start())
    await service.join("bot=", 1)


async def done(act: Act, service: Service) -> Any:
    """Do something in a thread, and in this loop where it is a coroutine."""
    made = await asyncio.to_thread(act, service)
    return await made if inspect.isawaitable(made) else made


@pytest.mark.parametrize(
    "faults", [(Fault.CONFLICT,) * 3, THROTTLED + REASONS, BROKEN], ids=["met", "throttled", "broken"]
)
async def test_every_write_that_is_refused_for_now_is_made(
    service: Service, dynamodb: FaultyDynamoDb, faults: tuple[Fault, ...]
) -> None:
    for name, (does, holds) in ALL_WRITES.items():
        dynamodb.fail_each_write(*faults)
        await done(does, service)
        left = [*dynamodb.to_come.values()]
        dynamodb.fail()

        assert left, name
        assert not any(left), (name, left)
        assert await asyncio.to_thread(holds, service), name


READS: dict[str, tuple[Act, str, str]] = {
    "a connection": (known, "GetItem", "connection#bot="),
    "a night": (lambda s: s.app.queries.session(1), "Query", "session#1"),
    "nights": (lambda s: s.app.queries.sessions(BEGINNING, 10), "BatchGetItem", "session#"),
    "starts": (lambda s: s.app._sessions.log.events(SESSIONS_STREAM, 0, 10), "Query", "sessions"),
    "events": (lambda s: s.app.queries.events(1, BEGINNING, 10), "Query", "session#1"),
    "the newest night": (lambda s: s.app.queries.active(), "Query", "sessions"),
}


@pytest.mark.parametrize("name", READS)
async def test_a_throttled_read_is_answered(service: Service, dynamodb: FaultyDynamoDb, name: str) -> None:
    read, operation, key = READS[name]

    dynamodb.fail(*THROTTLED, *BROKEN, operations=frozenset({operation}), key=key)
    answer = await asyncio.to_thread(read, service)

    assert [fault for _, fault in dynamodb.happened] == [*THROTTLED, *BROKEN]
    assert answer


BATCH_READS: dict[str, Act] = {
    "nights": lambda s: s.app.queries.sessions(BEGINNING, 10),
    "games and votes": lambda s: s.app._sessions.games_and_votes(2, {(1, "zoë")}),
    "whether a night takes votes": lambda s: s.app._sessions.voting_state(2, 1),
}


@pytest.mark.parametrize("name", BATCH_READS)
async def test_unprocessed_keys_are_read_again(service: Service, dynamodb: FaultyDynamoDb, name: str) -> None:
    before = await asyncio.to_thread(BATCH_READS[name], service)

    dynamodb.fail(*[Fault.UNPROCESSED] * 4, operations=BATCHES, key="session#2")
    read = await asyncio.to_thread(BATCH_READS[name], service)

    assert read == before
    assert len(dynamodb.happened) == 4


async def test_removals_at_the_same_time_all_succeed(service: Service, dynamodb: FaultyDynamoDb) -> None:
    dynamodb.held_until_met = asyncio.Event()

    removals = [asyncio.to_thread(service.app.connections.disconnect, "bot=") for _ in range(4)]
    await asyncio.gather(*removals)

    assert "TransactWriteItems" in dynamodb.conflicts
    assert service.rows_of("bot=") == []


async def test_removal_amid_subscriptions_leaves_nothing(service: Service, dynamodb: FaultyDynamoDb) -> None:
    dynamodb.held_until_met = asyncio.Event()
    connection = await asyncio.to_thread(known, service)
    store = service.app._connections

    await asyncio.gather(
        asyncio.to_thread(store.remove, "bot="),
        *(asyncio.to_thread(store.join, connection, session_stream(number)) for number in (1, 2, 3)),
        return_exceptions=True,
    )

    assert service.rows_of("bot=") == []


@pytest.mark.parametrize(
    "operations", [SINGLE_WRITES, TRANSACTION, WRITES], ids=["single", "transaction", "all"]
)
async def test_a_clean_up_that_fails_is_not_raised(
    service: Service, dynamodb: FaultyDynamoDb, operations: frozenset[str]
) -> None:
    service.retry(Backoff(RetryPolicy(attempts=3, base_seconds=0.001, cap_seconds=0.002)))

    dynamodb.fail(*[Fault.CONFLICT] * 1000, operations=operations)
    await asyncio.to_thread(remove_gone, service.app._connections, "bot=")

    assert dynamodb.happened


async def test_a_head_is_read_again_after_a_conflict(service: Service, dynamodb: FaultyDynamoDb) -> None:
    dynamodb.fail(Fault.CONFLICT, operations=TRANSACTION, key="session#1 head")
    asked = dynamodb.asked
    await service.add_game(1)

    # The head is read again before the second transaction: the first was not sent again as it was.
    assert dynamodb.asked - asked == 4
