from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.connections.ports import CATCH_UP_SECONDS
from chalicelib.delivery.jobs import CatchUpJob, FanOutJob, Job, Received
from chalicelib.errors import Unavailable
from tests.unit.delivery.deliveries import STREAM, Deliveries


def received(*jobs: Job | None, attempt: int = 1) -> list[Received]:
    return [Received(f"m{nth}", f"r{nth}", attempt, job) for nth, job in enumerate(jobs)]


def job_of(deliveries: Deliveries) -> FanOutJob:
    [record] = deliveries.log()
    return FanOutJob(record.event, 0, record.event.sequence, None)


async def work(deliveries: Deliveries, some: Sequence[Received], *, within: float = 60) -> list[str]:
    return await deliveries.delivery.worker.work(some, within=within)


async def test_jobs_that_are_done_do_not_come_again() -> None:
    deliveries = Deliveries()

    again = await work(deliveries, received(job_of(deliveries), CatchUpJob(STREAM, "left=", 2)))

    assert again == []
    assert deliveries.heard() == [2]
    assert deliveries.delivery.queue.delays == []


async def test_what_has_no_time_comes_again_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    deliveries = Deliveries()

    again = await work(deliveries, received(job_of(deliveries), job_of(deliveries)), within=0)

    assert again == ["m0", "m1"]
    assert deliveries.delivery.queue.delays == [0, 0]
    [line] = [vars(record) for record in caplog.records if "come again" in record.message]
    assert (line["unfinished"], line["metrics"]) == (2, ["unfinished"])


@pytest.mark.parametrize("readable", [False, True])
async def test_after_a_job_that_comes_again_none_is_begun(*, readable: bool) -> None:
    deliveries = Deliveries()
    deliveries.change(behind=2, catching_up_until=30)
    first = CatchUpJob(STREAM, "0000=", 2) if readable else None

    again = await work(deliveries, received(first, job_of(deliveries)))

    assert again == ["m0", "m1"]
    assert deliveries.push.posts == []
    assert deliveries.delivery.queue.delays == [CATCH_UP_SECONDS if readable else 0] * 2


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (3, 8), (9, 120)])
async def test_a_failing_job_comes_later(attempt: int, seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def checkpoint(*_: Any) -> Any:
        raise Unavailable("told to")

    deliveries = Deliveries()
    monkeypatch.setattr(deliveries.delivery.progress, "checkpoint", checkpoint)
    monkeypatch.setattr(deliveries.delivery.worker, "_random", lambda: 0.999_999)

    again = await work(deliveries, received(job_of(deliveries), attempt=attempt))

    assert again == ["m0"]
    assert deliveries.delivery.queue.delays == [seconds]


async def test_a_delay_that_fails_is_left_to_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    async def delay(*_: Any) -> None:
        raise Unavailable("told to")

    deliveries = Deliveries()
    monkeypatch.setattr(deliveries.delivery.queue, "delay", delay)

    assert await work(deliveries, received(job_of(deliveries)), within=0) == ["m0"]


async def test_catching_up_is_made_when_somebody_is_behind() -> None:
    deliveries = Deliveries()
    made = []
    worker = deliveries.delivery.worker
    right = worker._catch_up
    worker._catch_up = lambda: made.append(1) or right()  # type: ignore[func-returns-value]

    await work(deliveries, received(job_of(deliveries)))
    before = len(made)
    await work(deliveries, received(CatchUpJob(STREAM, "0000=", 2)))

    assert (before, len(made)) == (0, 1)
