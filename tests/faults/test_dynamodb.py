"""DynamoDB throttles, conflicts, falls silent, and loses its answers: what is committed is committed once."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from chalicelib.errors import NotFound, Unavailable
from chalicelib.nights.events import Event, session_stream
from chalicelib.retry import Backoff, RetryPolicy
from tests.faults.clients import titles
from tests.faults.dynamodb_refusals import APPLIES_TO, TRANSACTION, Fault
from tests.faults.faulty_dynamodb import FaultyDynamoDb
from tests.faults.service import Service
from tests.faults.stage import HOST

FEW_ATTEMPTS = Backoff(RetryPolicy(attempts=4, base_seconds=0.001, cap_seconds=0.002))
QUERY = frozenset({"Query"})
OF_A_COMMIT = [fault for fault in Fault if APPLIES_TO.get(fault, TRANSACTION) & TRANSACTION]
QUICK = [fault for fault in OF_A_COMMIT if fault is not Fault.SILENT]  # which is waited out for three seconds


async def logged(service: Service, session_id: int) -> Sequence[Event]:
    return await asyncio.to_thread(service.app._sessions.log.events, session_stream(session_id), 0, 100)


@pytest.mark.parametrize(
    ("fault", "key"), [(fault, "a key") for fault in OF_A_COMMIT] + [(fault, None) for fault in QUICK]
)
async def test_a_commit_is_made_once_whatever_happens(
    service: Service, dynamodb: FaultyDynamoDb, fault: Fault, key: str | None
) -> None:
    session_id = await service.start()

    dynamodb.fail(fault, operations=TRANSACTION)
    title = await service.add_game(session_id, key)

    assert dynamodb.happened == [("TransactWriteItems", fault)]
    assert [event.sequence for event in await logged(service, session_id)] == [1, 2]
    games = await asyncio.to_thread(service.app.queries.session, session_id)
    assert [game["title"] for game in games["games"]] == [title]


@pytest.mark.parametrize("fault", QUICK)
@pytest.mark.parametrize("at", ["store", "count", "close"])
async def test_a_stored_vote_is_one_event_whatever_happens(
    service: Service, dynamodb: FaultyDynamoDb, fault: Fault, at: str
) -> None:
    session_id = await service.start()
    title = await service.add_game(session_id)
    await service.crowd(session_id)

    made: dict[str, Any] = {}
    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "store": lambda: service.vote(session_id, "zoë", "a key"),
        "count": service.deliver,
        "close": lambda: asyncio.to_thread(service.app.hosting.close, HOST, session_id),
    }
    for name, step in steps.items():
        if name == at:
            dynamodb.fail(fault, operations=TRANSACTION)
        made[name] = await step()
    stored = made["store"]

    [voted] = [one for one in await logged(service, session_id) if one.type == "vote.received"]
    totals = {"upvotes": 1, "downvotes": 0, "score": 1}
    assert json.loads(voted.envelope)["data"] == {**stored, "totals": totals}
    assert stored["game"]["title"] == title
    assert [one for _, one in dynamodb.happened] == [fault]


@pytest.mark.parametrize("fault", QUICK)
@pytest.mark.parametrize("fired", ["game.removed", "vote.withdrawn"])
async def test_what_is_undone_is_one_event_whatever_happens(
    service: Service, dynamodb: FaultyDynamoDb, fault: Fault, fired: str
) -> None:
    session_id = await service.start()
    await service.add_game(session_id)
    await service.vote(session_id, "zoë")
    undo: dict[str, Callable[[], Any]] = {
        "game.removed": lambda: service.app.hosting.remove_game(HOST, session_id, 1),
        "vote.withdrawn": lambda: service.app.voting.withdraw(HOST, session_id, 1, "Zoë"),
    }

    dynamodb.fail(fault, operations=TRANSACTION)
    await asyncio.to_thread(undo[fired])

    assert dynamodb.happened == [("TransactWriteItems", fault)]
    with pytest.raises(NotFound):
        await asyncio.to_thread(undo[fired])
    assert [event.type for event in await logged(service, session_id)][3:] == [fired]


@pytest.mark.parametrize("key", ["a key", None])
async def test_a_start_that_stays_undecided_is_made_once(
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


@pytest.mark.parametrize(
    "faults",
    [[Fault.BROKEN], [Fault.RESET], [Fault.SILENT], [Fault.THROTTLED] * 12],
    ids=lambda all_: all_[0],
)
async def test_an_audience_that_cannot_be_read_gets_events_later(
    service: Service, dynamodb: FaultyDynamoDb, faults: list[Fault]
) -> None:
    session_id = await service.start()
    await service.join("bot=", session_id)
    await service.settle()

    games = [await service.add_game(session_id) for _ in range(3)]
    dynamodb.fail(*faults, operations=QUERY)
    await service.settle()

    assert len(dynamodb.happened) == len(faults)
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


@pytest.mark.parametrize(("fault", "comes_again"), [(Fault.CONFLICT, 0), (Fault.REASON_THROTTLED, 3)])
async def test_a_vote_whose_counting_is_refused_is_heard(
    service: Service, dynamodb: FaultyDynamoDb, fault: Fault, comes_again: int
) -> None:
    session_id = await service.start()
    await service.add_game(session_id)
    await service.join("bot=", session_id)
    await service.crowd(session_id)
    await service.settle()
    voters = ["zoë", "max", "kim"]
    for voter in voters:
        await service.vote(session_id, voter)
    pending = await service.records()

    service.retry(FEW_ATTEMPTS)
    too_often = [fault] * FEW_ATTEMPTS.policy.attempts
    dynamodb.fail(*too_often, operations=TRANSACTION, key=f"session#{session_id}")
    refused, made = await service.broadcast(pending), await service.broadcast(pending)
    await service.settle()

    numbers = [{"itemIdentifier": one["dynamodb"]["SequenceNumber"]} for one in pending]
    assert refused["batchItemFailures"] == numbers[:comes_again]
    assert made["batchItemFailures"] == []
    heard = [one["data"] for one in service.clients.heard("bot=")]
    assert [one["vote"]["username"] for one in heard if "vote" in one] == voters
