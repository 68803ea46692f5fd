"""What failed for the last time is on a queue with all that it takes to redo it: ``redrive`` redoes it."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.dead_letters import DeadLetters
from chalicelib.nights.events import UnreadableRecord
from infra.deploy.operate.dead_letters import RedoneJobs, redo_jobs
from infra.deploy.operate.redrive import Redone, redrive
from infra.deploy.operate.stream_failures import RedoneRecords
from infra.local.engine.queues import EngineQueue
from tests.faults.clients import titles
from tests.faults.service import Service
from tests.integration.aws.hostile_server import OK, answer


async def redriven(service: Service, *, dry_run: bool = False) -> Redone:
    # An emulator's queue is empty when it says so.
    return await asyncio.to_thread(redrive, service.operated(), lambda _: None, dry_run=dry_run, patience=0)


async def with_a_dead_letter(service: Service) -> list[str]:
    """Let one client fail that can't be closed, and another take everything; return the games for both."""
    session_id = await service.start()
    for client in ("good=", "bad="):
        await service.join(client, session_id)
    await service.settle()
    service.clients.server.delete = None
    service.clients.behave("bad=", answer(500))
    games = [await service.add_game(session_id) for _ in range(3)]
    await service.settle()
    return games


async def test_a_client_that_fails_for_ever_is_a_dead_letter_and_hears_all_once_it_has_healed(
    service: Service,
) -> None:
    games = await with_a_dead_letter(service)
    dead = service.dead()
    service.clients.behave("bad=", OK)

    redone = await redriven(service)
    await service.settle()

    assert [one["connection_id"] for one in dead] == ["bad="]
    assert redone.jobs == RedoneJobs(found=1, redone=1)
    assert titles(service.clients.heard("good=")) == games
    assert titles(service.clients.heard("bad=")) == games
    assert service.dead() == []


async def test_a_dry_run_shows_what_there_is_and_changes_nothing(service: Service) -> None:
    await with_a_dead_letter(service)
    service.give_up(service_records(service))
    before = service.dead()

    shown = [await redriven(service, dry_run=True) for _ in range(2)]

    assert shown[0] == shown[1]
    assert (shown[0].jobs.found, shown[0].jobs.redone, shown[0].records.redone) == (1, 0, 0)
    assert shown[0].records.found == 1
    assert service.dead() == before


def service_records(service: Service) -> list[Any]:
    service._positions.clear()
    return service.records()


async def test_a_job_that_fails_again_is_a_dead_letter_again_and_can_be_redone_again(
    service: Service,
) -> None:
    games = await with_a_dead_letter(service)

    await redriven(service)
    await service.work()
    still_dead = service.dead()
    service.clients.behave("bad=", OK)
    await redriven(service)
    await service.work()

    assert len(still_dead) == 1
    assert titles(service.clients.heard("bad=")) == games


class Forgetful(EngineQueue):
    """A queue from which nothing can be deleted, as after the end of whoever was about to."""

    def delete(self, message: Any) -> None:  # noqa: ARG002 - the queue's signature
        raise ClientError({"Error": {"Code": "ServiceUnavailable"}}, "DeleteMessage")


async def test_a_redrive_that_dies_after_sending_a_job_leaves_it_on_both_queues(service: Service) -> None:
    games = await with_a_dead_letter(service)
    dead = service.queues["DeliveryDeadLetterQueue"]
    delivery = service.queues["DeliveryQueue"]
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


async def test_a_message_that_nobody_can_read_stays_for_a_person(service: Service) -> None:
    service.queues["DeliveryDeadLetterQueue"].send("junk", MessageGroupId="g", MessageDeduplicationId="junk")
    service.queues["StreamFailureQueue"].send("junk")

    for _ in range(2):
        redone = await redriven(service)

        assert redone.jobs == RedoneJobs(found=1, unreadable=1)
        assert redone.records == RedoneRecords(found=1, unreadable=1)


def broken(service: Service, session_id: int, event_type: str) -> None:
    """Put the next event into a session's log under a type, as nobody's code would."""
    game = {"type": "game.added", "data": {"game": {"title": "Mended"}}}
    service.log_by_hand(session_id, 2, event_type, json.dumps(game))


async def test_an_event_that_nobody_can_read_is_set_aside_and_delivered_once_it_can_be_read(
    service: Service,
) -> None:
    session_id = await service.start()
    await service.join("bot=", session_id)
    await service.settle()
    broken(service, session_id, "game.exploded")
    await service.deliver()

    still = [(await redriven(service)).records for _ in range(2)]
    broken(service, session_id, "game.added")
    mended = (await redriven(service)).records
    await service.settle()

    assert service.given_up == []  # Lambda had no part in it
    assert still == [RedoneRecords(found=1, unreadable=1)] * 2
    assert mended == RedoneRecords(found=1, redone=1, events=1, from_log=1)
    assert titles(service.clients.heard("bot=")) == ["Mended"]
    assert (await redriven(service)).records == RedoneRecords()


async def test_one_that_nobody_can_read_among_those_that_lambda_gave_up_is_set_aside_by_a_redrive(
    service: Service,
) -> None:
    session_id = await service.start()
    broken(service, session_id, "game.exploded")
    service.give_up(service.records())

    first = (await redriven(service)).records
    second = (await redriven(service)).records

    assert first == RedoneRecords(found=1, redone=1, events=1)
    assert second == RedoneRecords(found=1, unreadable=1)


async def test_what_the_failure_queue_does_not_take_comes_again(service: Service) -> None:
    record = UnreadableRecord("arn", "17", "session#1", "event#x", 0.0)
    gone = DeadLetters(service.app._sqs, f"{service.queues['StreamFailureQueue'].url}-gone")

    again = await gone.put([record, replace(record, sequence_number="18")])

    assert again == ["17", "18"]


async def test_records_that_were_given_up_are_read_again_and_delivered(service: Service) -> None:
    session_id = await service.start()
    await service.join("bot=", session_id)
    await service.settle()
    games = [await service.add_game(session_id) for _ in range(2)]
    service.give_up(service.records())

    redone = await redriven(service)
    await service.work()

    assert redone.records == RedoneRecords(found=1, redone=1, events=2)
    assert titles(service.clients.heard("bot=")) == games
    assert (await redriven(service)).records == RedoneRecords()


async def test_pending_votes_that_were_given_up_are_counted(service: Service) -> None:
    session_id = await service.start()
    await service.add_game(session_id)
    await service.crowd(session_id)
    service.records()
    await service.vote(session_id, "zoë")
    service.give_up(service.records())

    redone = await redriven(service)

    assert redone.records == RedoneRecords(found=1, redone=1)
    session = await asyncio.to_thread(service.app.queries.session, session_id)
    assert session["games"][0]["totals"]["upvotes"] == 1


async def test_records_that_the_stream_does_not_have_any_more_are_taken_from_the_log(
    service: Service,
) -> None:
    session_id = await service.start()
    await service.join("bot=", session_id)
    await service.settle()
    games = [await service.add_game(session_id) for _ in range(2)]
    service.give_up(service.records(), shard="shardId-00000000000000000000-gone")

    redone = await redriven(service)
    await service.work()

    assert redone.records.from_log == redone.records.events >= 2
    assert titles(service.clients.heard("bot=")) == games


async def test_who_joined_after_an_event_is_not_caught_up_with_it(service: Service) -> None:
    session_id = await service.start()
    before = await service.add_game(session_id)
    service.give_up(service.records())
    for client, places in (("plain=", None), ("resumes=", {})):
        await service.join(client, session_id, places=places)

    after = await service.add_game(session_id)
    await redriven(service)
    await service.settle()

    assert titles(service.clients.heard("plain=")) == [after]
    assert titles(service.clients.heard("resumes=")) == [before, after]


async def test_whoever_has_an_event_already_may_get_it_again_and_nothing_follows_it_out_of_order(
    service: Service,
) -> None:
    session_id = await service.start()
    await service.join("bot=", session_id)
    first = await service.add_game(session_id)
    records = service.records()
    await service.broadcast(records)

    service.give_up(records)
    await redriven(service)
    second = await service.add_game(session_id)
    await service.settle()

    heard = service.clients.heard("bot=")
    assert titles(heard) == [first, second]
    assert heard[-1]["data"]["game"]["title"] == second
