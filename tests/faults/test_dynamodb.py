"""DynamoDB throttles, conflicts, falls silent, and loses its answers: what is committed is committed once."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest

from chalicelib.errors import Unavailable
from chalicelib.nights.events import session_stream
from chalicelib.retry import Backoff, RetryPolicy
from tests.faults.clients import titles
from tests.faults.dynamodb_refusals import APPLIES_TO, TRANSACTION, WRITES, Fault
from tests.faults.faulty_dynamodb import FaultyDynamoDb
from tests.faults.service import Service
from tests.faults.stage import HOST

FEW_ATTEMPTS = Backoff(RetryPolicy(attempts=4, base_seconds=0.001, cap_seconds=0.002))
HAPPEN_TO_A_COMMIT = [fault for fault in Fault if APPLIES_TO.get(fault, TRANSACTION) & TRANSACTION]


def logged(service: Service, session_id: int) -> list[int]:
    return [event.sequence for event in service.app._sessions.log.events(session_stream(session_id), 0, 100)]


@pytest.mark.parametrize(
    ("fault", "key"),
    [(fault, "a key") for fault in HAPPEN_TO_A_COMMIT]
    # Silence is waited out for three seconds: once is enough.
    + [(fault, None) for fault in HAPPEN_TO_A_COMMIT if fault is not Fault.SILENT],
)
async def test_whatever_happens_to_a_commit_it_is_made_once(
    service: Service, dynamodb: FaultyDynamoDb, fault: Fault, key: str | None
) -> None:
    session_id = await service.start()

    dynamodb.fail(fault, operations=TRANSACTION)
    title = await service.add_game(session_id, key)

    assert dynamodb.happened == [("TransactWriteItems", fault)]
    assert await asyncio.to_thread(logged, service, session_id) == [1, 2]
    games = await asyncio.to_thread(service.app.queries.session, session_id)
    assert [game["title"] for game in games["games"]] == [title]


@pytest.mark.parametrize("fault", [one for one in HAPPEN_TO_A_COMMIT if one is not Fault.SILENT])
@pytest.mark.parametrize("at", ["store", "count", "close"])
async def test_whatever_happens_to_a_stored_vote_it_is_one_event(
    service: Service, dynamodb: FaultyDynamoDb, fault: Fault, at: str
) -> None:
    session_id = await service.start()
    title = await service.add_game(session_id)
    await service.crowd(session_id)

    async def step(name: str, work: Awaitable[Any]) -> Any:
        if name == at:
            dynamodb.fail(fault, operations=TRANSACTION)
        return await work

    answer = await step("store", service.vote(session_id, "zoë", "a key"))
    await step("count", service.deliver())
    await step("close", asyncio.to_thread(service.app.hosting.close, HOST, session_id))

    log = await asyncio.to_thread(service.app._sessions.log.events, session_stream(session_id), 0, 100)
    voted = [json.loads(event.envelope)["data"] for event in log if event.type == "vote.received"]
    assert voted == [{**answer, "totals": {"upvotes": 1, "downvotes": 0, "score": 1}}]
    assert voted[0]["game"]["title"] == title
    assert [one for _, one in dynamodb.happened] == [fault]


@pytest.mark.parametrize("key", ["a key", None])
async def test_a_start_of_which_nobody_can_say_whether_it_is_done_is_not_made_a_second_time(
    service: Service, dynamodb: FaultyDynamoDb, key: str | None
) -> None:
    dynamodb.fail(*[Fault.UNDECIDED] * 100, operations=TRANSACTION)
    service.retry(FEW_ATTEMPTS)
    with pytest.raises(Unavailable):
        await service.start(key)
    dynamodb.fail()

    assert len(dynamodb.undecided) == FEW_ATTEMPTS.policy.attempts
    assert len({*dynamodb.undecided}) == 1
    assert await service.start(key) == (1 if key else 2)


async def test_ids_have_no_gap_whatever_happens_to_a_start(
    service: Service, dynamodb: FaultyDynamoDb
) -> None:
    started = []
    for fault in (Fault.ANSWER_LOST, Fault.RESET, Fault.CONFLICT, Fault.THROTTLED, Fault.BROKEN):
        dynamodb.fail(fault, operations=TRANSACTION)
        started.append(await service.start())

    assert started == [1, 2, 3, 4, 5]


async def test_a_store_that_throttles_for_long_has_the_request_come_again_and_nothing_half_done(
    service: Service, dynamodb: FaultyDynamoDb
) -> None:
    session_id = await service.start()

    dynamodb.fail(*[Fault.THROTTLED] * 100, operations=WRITES)
    service.retry(FEW_ATTEMPTS)
    with pytest.raises(Unavailable):
        await service.add_game(session_id, "a key")
    dynamodb.fail()
    before = await asyncio.to_thread(logged, service, session_id)
    await service.add_game(session_id, "a key")

    assert before == [1]
    assert await asyncio.to_thread(logged, service, session_id) == [1, 2]


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.BROKEN, Fault.RESET, Fault.SILENT])
async def test_an_audience_that_cannot_be_read_at_first_gets_the_event_all_the_same(
    service: Service, dynamodb: FaultyDynamoDb, fault: Fault
) -> None:
    session_id = await service.start()
    await service.join("bot=", session_id)
    await service.settle()

    title = await service.add_game(session_id)
    dynamodb.fail(fault, operations=frozenset({"Query"}))
    await service.settle()

    assert len(dynamodb.happened) == 1
    assert titles(service.clients.heard("bot=")) == [title]


async def test_an_audience_that_cannot_be_read_for_long_has_its_events_come_again_in_order(
    service: Service, dynamodb: FaultyDynamoDb
) -> None:
    session_id = await service.start()
    await service.join("bot=", session_id)
    await service.settle()

    games = [await service.add_game(session_id) for _ in range(3)]
    dynamodb.fail(*[Fault.THROTTLED] * 12, operations=frozenset({"Query"}))
    await service.settle()

    assert titles(service.clients.heard("bot=")) == games
    assert service.given_up == []


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.CONFLICT, Fault.THROTTLED, Fault.RESET])
async def test_whoever_is_told_auth_success_is_in_the_audience(
    service: Service, dynamodb: FaultyDynamoDb, fault: Fault
) -> None:
    await service.connect("bot=")

    dynamodb.fail(fault, fault, operations=TRANSACTION)
    await asyncio.to_thread(service.app.connections.authenticate, "bot=", "bot:bot")
    happened = [*dynamodb.happened]
    session_id = await service.start()
    await service.settle()

    assert happened == [("TransactWriteItems", fault)] * 2
    assert [one["data"]["session"]["id"] for one in service.clients.heard("bot=")] == [session_id]
