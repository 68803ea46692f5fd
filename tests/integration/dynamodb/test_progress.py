from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import pytest

from chalicelib.aws.dynamodb.connections.audiences import DynamoAudiences
from chalicelib.aws.dynamodb.connections.progress import RETENTION_SECONDS, DynamoProgressStore
from chalicelib.aws.dynamodb.tables import Table
from chalicelib.connections.connection import ALL_AUDIENCE
from chalicelib.delivery.jobs import Progress, QueueMark
from chalicelib.delivery.ports import ProgressStore, QueuedStreams
from chalicelib.nights.cursors import Cursor
from infra.template import queues
from tests.fakes.delivery import FakeProgress
from tests.fakes.stores import FakeAudiences, FakeConnectionStore
from tests.integration.dynamodb.conftest import dynamodb_api

MARK = QueueMark(1, "e:3")


class Memory(ProgressStore, QueuedStreams, Protocol):
    """The ports that write."""


class Told(Protocol):
    """The one question of ``Audiences`` about it."""

    async def queue_mark(self, audience: str) -> QueueMark | None: ...


@dataclass
class Stored:
    """Both, and the time (Unix seconds)."""

    memory: Memory
    told: Told
    clock: list[float]


@pytest.fixture(params=["fake", "dynamodb"])
async def stored(request: pytest.FixtureRequest) -> AsyncIterator[Stored]:
    clock = [1_000_000.0]
    if request.param == "fake":
        fake = FakeProgress(lambda: clock[0])
        yield Stored(fake, FakeAudiences(FakeConnectionStore(), fake.queue_mark), clock)
        return
    table: Table = request.getfixturevalue("table")()
    async with dynamodb_api(table) as api:
        yield Stored(
            DynamoProgressStore(api, table.name, lambda: clock[0]),
            DynamoAudiences(api, table.name, lambda: clock[0]),
            clock,
        )


async def test_a_job_that_nobody_has_begun_is_at_its_beginning(stored: Stored) -> None:
    assert await stored.memory.progress("e:3#0") == Progress()


PLACES = [Progress("abc=", ("a=", "b=")), Progress("abc="), Progress(None, ("a=",)), Progress(done=True)]


@pytest.mark.parametrize("progress", PLACES)
async def test_a_place_is_read_back_as_it_was_saved(stored: Stored, progress: Progress) -> None:
    await stored.memory.save("e:3#0", Progress("before=", ("x=",)))

    await stored.memory.save("e:3#0", progress)

    assert await stored.memory.progress("e:3#0") == progress
    assert await stored.memory.progress("e:3#1") == Progress()


async def test_jobs_are_all_done_when_each_of_them_is(stored: Stored) -> None:
    await stored.memory.save("e:3#0", Progress(done=True))
    untouched = await stored.memory.all_done(["e:3#0", "e:3#1"])
    await stored.memory.save("e:3#1", Progress("abc="))
    begun = await stored.memory.all_done(["e:3#0", "e:3#1"])
    await stored.memory.save("e:3#1", Progress(done=True))

    assert (untouched, begun, await stored.memory.all_done(["e:3#0", "e:3#1"])) == (False, False, True)


async def test_a_stream_has_jobs_from_the_first_one_until_the_last_one_has_expired(stored: Stored) -> None:
    before = await stored.told.queue_mark(ALL_AUDIENCE)
    await stored.memory.mark_queued(ALL_AUDIENCE, MARK, Cursor("e", 3))
    stored.clock[0] += RETENTION_SECONDS - 1
    await stored.memory.mark_queued(ALL_AUDIENCE, MARK, Cursor("e", 3))
    stored.clock[0] += RETENTION_SECONDS - 1
    within = await stored.told.queue_mark(ALL_AUDIENCE)
    stored.clock[0] += 2

    assert (before, within, await stored.told.queue_mark(ALL_AUDIENCE)) == (None, MARK, None)


LATER = QueueMark(3, "e:7")


@pytest.mark.parametrize(
    ("mark", "place", "kept"),
    [
        (QueueMark(3, "e:8"), Cursor("e", 8), QueueMark(3, "e:8")),
        (LATER, Cursor("e", 7), LATER),
        (QueueMark(3, "e:5"), Cursor("e", 5), LATER),
        (QueueMark(1, "e:1"), Cursor("e", 1), QueueMark(1, "e:7")),
        (QueueMark(1, "restored:5"), Cursor("restored", 5), QueueMark(1, "restored:5")),
    ],
    ids=["a later one", "the same", "an earlier one", "the first of all", "of another epoch"],
)
async def test_the_latest_event_of_an_epoch_stays_the_last_on_the_queue(
    stored: Stored, mark: QueueMark, place: Cursor, kept: QueueMark
) -> None:
    await stored.memory.mark_queued(ALL_AUDIENCE, LATER, Cursor("e", 7))

    await stored.memory.mark_queued(ALL_AUDIENCE, mark, place)

    assert await stored.told.queue_mark(ALL_AUDIENCE) == kept


async def test_an_earlier_event_is_the_last_where_no_later_one_can_be_on_the_queue(stored: Stored) -> None:
    await stored.memory.mark_queued(ALL_AUDIENCE, LATER, Cursor("e", 7))
    stored.clock[0] += RETENTION_SECONDS

    await stored.memory.mark_queued(ALL_AUDIENCE, MARK, Cursor("e", 3))

    assert await stored.told.queue_mark(ALL_AUDIENCE) == MARK


def test_the_queue_keeps_no_job_longer_than_its_stream_is_marked() -> None:
    assert queues("dev")["DeliveryQueue"].attributes["MessageRetentionPeriod"] < RETENTION_SECONDS
