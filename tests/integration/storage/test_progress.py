import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from chalicelib.domain.connections import ALL_AUDIENCE
from chalicelib.domain.jobs import Progress
from chalicelib.services.delivery_ports import ProgressStore, QueuedStreams
from chalicelib.storage.progress import RETENTION_SECONDS, DynamoProgressStore
from infra.template import queues
from tests.fakes.delivery import FakeProgress
from tests.integration.storage.conftest import read


@dataclass
class Memory:
    """The ports that write, the one question of ``Audiences`` about it, and the time (Unix seconds)."""

    progress: ProgressStore
    streams: QueuedStreams
    queued_since: Callable[[str], int | None]
    clock: list[float]


@pytest.fixture(params=["fake", "dynamodb"])
def memory(request: pytest.FixtureRequest) -> Memory:
    clock = [1_000_000.0]
    if request.param == "fake":
        fake = FakeProgress(lambda: clock[0])
        return Memory(fake, fake, fake.queued_since, clock)
    table = request.getfixturevalue("table")()
    store = DynamoProgressStore(table, lambda: clock[0])

    def queued_since(audience: str) -> int | None:
        since: int | None = asyncio.run(read(table, clock[0], lambda one: one.queued_since(audience)))
        return since

    return Memory(store, store, queued_since, clock)


def test_a_job_that_nobody_has_begun_is_at_its_beginning(memory: Memory) -> None:
    assert memory.progress.progress("e:3#0") == Progress()


@pytest.mark.parametrize(
    "progress",
    [Progress("abc=", ("a=", "b=")), Progress("abc="), Progress(None, ("a=",)), Progress(done=True)],
)
def test_a_place_is_read_back_as_it_was_saved(memory: Memory, progress: Progress) -> None:
    memory.progress.save("e:3#0", Progress("before=", ("x=",)))

    memory.progress.save("e:3#0", progress)

    assert memory.progress.progress("e:3#0") == progress
    assert memory.progress.progress("e:3#1") == Progress()


def test_a_stream_has_jobs_from_the_first_one_until_the_last_one_has_expired(
    memory: Memory,
) -> None:
    before = memory.queued_since(ALL_AUDIENCE)
    memory.streams.mark_queued(ALL_AUDIENCE, 3)
    memory.clock[0] += RETENTION_SECONDS - 1
    memory.streams.mark_queued(ALL_AUDIENCE, 3)
    memory.clock[0] += RETENTION_SECONDS - 1
    within = memory.queued_since(ALL_AUDIENCE)
    memory.clock[0] += 2

    assert (before, within, memory.queued_since(ALL_AUDIENCE)) == (None, 3, None)


def test_the_queue_keeps_no_job_longer_than_its_stream_is_marked() -> None:
    assert queues("dev")["DeliveryQueue"].attributes["MessageRetentionPeriod"] < RETENTION_SECONDS
