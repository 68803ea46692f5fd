"""What failed for the last time is on a queue with all that it takes to redo it: ``redrive`` redoes it."""

import asyncio
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from chalicelib.aws.dead_letters import DeadLetters
from chalicelib.nights.events import UnreadableRecord
from infra.deploy.operate.redrive import Outcome, Redone, redo_jobs, redrive
from infra.local.engine.queues import EngineQueue
from tests.faults.clients import titles
from tests.faults.service import Service
from tests.integration.aws.hostile_server import OK, answer


async def redriven(service: Service, *, dry_run: bool = False) -> Redone:
    # An emulator's queue is empty when it says so.
    return await asyncio.to_thread(redrive, service.operated(), lambda _: None, dry_run=dry_run, patience=0)


async def followed_night(service: Service, *clients: str) -> int:
    session_id = await service.start()
    for client in clients:
        await service.join(client, session_id)
    await service.settle()
    return session_id


async def with_a_dead_letter(service: Service) -> list[str]:
    """Let one client fail that can't be closed, and another take everything; return the games for both."""
    session_id = await followed_night(service, "good=", "bad=")
    service.clients.server.delete = None
    service.clients.behave("bad=", answer(500))
    games = [await service.add_game(session_id) for _ in range(3)]
    await service.settle()
    return games


async def test_a_dead_letter_is_redone_until_its_client_heals(service: Service) -> None:
    games = await with_a_dead_letter(service)
    [dead] = service.dead()
    first = await redriven(service)
    await service.work()
    still_dead = service.dead()
    service.clients.behave("bad=", OK)
    second = await redriven(service)
    await service.settle()

    assert (dead["connection_id"], dead["behind"], len(still_dead)) == ("bad=", 2, 1)
    assert first.jobs == second.jobs == Outcome(found=1, redone=1)
    assert titles(service.clients.heard("good=")) == games
    assert titles(service.clients.heard("bad=")) == games
    assert service.dead() == []


async def test_a_dry_run_changes_nothing(service: Service) -> None:
    await with_a_dead_letter(service)
    service._positions.clear()
    await service.give_up(await service.records())
    before = service.dead()

    shown = [await redriven(service, dry_run=True) for _ in range(2)]

    assert shown[0] == shown[1]
    assert shown[0].jobs == Outcome(found=1)
    assert (shown[0].records.found, shown[0].records.redone) == (1, 0)
    assert service.dead() == before


class Forgetful(EngineQueue):
    """A queue from which nothing can be deleted, as after the end of whoever was about to."""

    def delete(self, message: Any) -> None:  # noqa: ARG002 - the queue's signature
        raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "DeleteMessage")


async def test_a_redrive_that_dies_loses_no_job(service: Service) -> None:
    games = await with_a_dead_letter(service)
    dead, delivery = (service.queues[name] for name in ("DeliveryDeadLetterQueue", "DeliveryQueue"))
    service.clients.behave("bad=", OK)

    with pytest.raises(ClientError):
        redo_jobs(
            Forgetful(dead.sqs, dead.url, dead.arn), delivery, lambda _: None, dry_run=False, patience=0
        )
    before = service.dead()
    await redriven(service)
    await service.work()

    assert len(before) == 1
    assert titles(service.clients.heard("bad=")) == games
    assert service.dead() == []


async def test_a_message_that_nobody_can_read_stays(service: Service) -> None:
    service.queues["DeliveryDeadLetterQueue"].send("junk", MessageGroupId="g", MessageDeduplicationId="junk")
    service.queues["StreamFailureQueue"].send("junk")

    redone = [await redriven(service) for _ in range(2)]

    assert [one.jobs for one in redone] == [Outcome(found=1, unreadable=1)] * 2
    assert [one.records for one in redone] == [Outcome(found=1, unreadable=1)] * 2


def log_as(service: Service, session_id: int, event_type: str) -> None:
    """Put the next event into a session's log under a type, as nobody's code would."""
    game = {"type": "game.added", "data": {"game": {"title": "Mended"}}}
    service.log_by_hand(session_id, 2, event_type, json.dumps(game))


@pytest.mark.parametrize("by_lambda", [False, True], ids=["set aside", "given up by Lambda"])
async def test_an_unreadable_event_is_delivered_once_mended(service: Service, *, by_lambda: bool) -> None:
    session_id = await followed_night(service, "bot=")
    log_as(service, session_id, "game.exploded")
    if by_lambda:
        await service.give_up(await service.records())
        assert (await redriven(service)).records == Outcome(found=1, redone=1)
    await service.deliver()

    still = [(await redriven(service)).records for _ in range(2)]
    log_as(service, session_id, "game.added")
    mended = (await redriven(service)).records
    await service.settle()

    assert still == [Outcome(found=1, unreadable=1)] * 2
    assert mended == Outcome(found=1, redone=1, events=1, from_log=1)
    assert titles(service.clients.heard("bot=")) == ["Mended"]
    assert (await redriven(service)).records == Outcome()


async def test_what_the_failure_queue_refuses_comes_again(service: Service) -> None:
    record = UnreadableRecord("arn", "17", "session#1", "event#x", 0.0)
    gone = DeadLetters(service.app._sqs, f"{service.queues['StreamFailureQueue'].url}-gone")

    assert await gone.put([record, replace(record, sequence_number="18")]) == ["17", "18"]


@pytest.mark.parametrize(
    ("shard", "from_log"), [(None, False), ("shardId-00000000000000000000-gone", True)], ids=["stream", "log"]
)
async def test_records_that_were_given_up_are_delivered(
    service: Service, shard: str | None, *, from_log: bool
) -> None:
    session_id = await followed_night(service, "bot=")
    games = [await service.add_game(session_id) for _ in range(2)]
    await service.give_up(await service.records(), shard=shard)

    redone = (await redriven(service)).records
    await service.work()

    assert (redone.found, redone.redone, redone.from_log) == (1, 1, redone.events if from_log else 0)
    assert redone.events >= 2
    assert titles(service.clients.heard("bot=")) == games
    assert (await redriven(service)).records == Outcome()


async def test_pending_votes_that_were_given_up_are_counted(service: Service) -> None:
    session_id = await service.start()
    await service.add_game(session_id)
    await service.crowd(session_id)
    await service.records()
    await service.vote(session_id, "zoë")
    await service.give_up(await service.records())

    redone = await redriven(service)

    assert redone.records == Outcome(found=1, redone=1)
    session = await asyncio.to_thread(service.app.queries.session, session_id)
    assert session["games"][0]["totals"]["upvotes"] == 1
