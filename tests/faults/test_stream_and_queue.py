"""Records and messages come twice, late, and in bad company; clocks are off by a minute."""

import json
from typing import Any

import pytest

from tests.faults.clients import titles
from tests.faults.service import Service, running_service


async def started(service: Service) -> int:
    session_id = await service.start()
    await service.join("bot=", session_id, places={})
    await service.settle()
    return session_id


async def test_records_that_come_twice_are_heard_once(service: Service) -> None:
    session_id = await started(service)
    games = [await service.add_game(session_id) for _ in range(3)]
    records = service.records()

    await service.broadcast(records)
    await service.broadcast(records)

    heard = service.clients.heard("bot=")
    assert titles(heard) == games
    assert len([one for one in heard if one["type"] == "game.added"]) == len(games)


def poisoned(record: Any) -> Any:
    change = dict(record["dynamodb"])
    change["NewImage"] = {**change["NewImage"], "type": {"S": "no.such.event"}}
    change["SequenceNumber"] = f"{1:021}"
    return {**record, "dynamodb": change}


async def test_a_poison_record_in_a_batch_stops_none_of_the_others(service: Service) -> None:
    session_id = await started(service)
    games = [await service.add_game(session_id) for _ in range(3)]
    first, *rest = service.records()

    answer = await service.broadcast([first, poisoned(first), *rest])

    assert answer == {"batchItemFailures": []}
    assert titles(service.clients.heard("bot=")) == games


async def test_what_comes_an_hour_late_is_given_up_to_be_redone_and_not_forgotten(service: Service) -> None:
    session_id = await started(service)
    await service.add_game(session_id)
    service.hours_late = 1.1

    await service.deliver()

    [failure] = service.given_up
    batch = failure["DDBStreamBatchInfo"]
    assert failure["requestContext"]["condition"] == "RecordAgeExceeded"
    assert batch["batchSize"] == 1
    assert batch["startSequenceNumber"] == batch["endSequenceNumber"]
    [message] = service.queues["StreamFailureQueue"].receive(10)
    assert json.loads(message["Body"]) == failure


async def test_messages_that_come_twice_are_done_once(engine: str) -> None:
    async with running_service(engine, inline=1) as service:
        session_id = await service.start()
        clients = [f"bot{number}=" for number in range(4)]
        for client in clients:
            await service.join(client, session_id)
        await service.settle()

        games = [await service.add_game(session_id) for _ in range(3)]
        await service.deliver()
        await service.work(twice=True)

        heard = [service.clients.heard(client) for client in clients]
        assert [titles(one) for one in heard] == [games] * len(clients)
        assert [len(one) for one in heard] == [len(games)] * len(clients)


@pytest.mark.parametrize("seconds", [-60, 60])
async def test_a_function_whose_clock_is_off_by_a_minute_loses_nothing(
    service: Service, seconds: int
) -> None:
    service.clock_is_off = seconds
    session_id = await started(service)

    games = [await service.add_game(session_id) for _ in range(2)]
    service.clock_is_off = 0
    games.append(await service.add_game(session_id))
    await service.settle()

    heard = service.clients.heard("bot=")
    sequences = [one["sequence"] for one in heard if one["type"] == "game.added"]
    assert titles(heard) == games
    assert sequences == [2, 3, 4]
