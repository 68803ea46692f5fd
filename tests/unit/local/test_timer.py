import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from app import app
from chalicelib.api.live.notices import scheduled_at
from infra.local.deployment import Moment
from infra.local.functions.deployed import scheduled_functions
from infra.local.functions.environment import FunctionFailed
from infra.local.functions.service import LambdaService
from infra.local.triggers.schedule import Timer
from infra.local.triggers.schedule_event import schedule_event

MOMENT = Moment(datetime(2025, 11, 1, 20, 0, 7, 999_000, tzinfo=UTC), "id-1")


class Functions:
    """Notes what is started, and fails with what it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.started: list[tuple[str, Any]] = []

    async def invoke(self, name: str, event: Any) -> None:
        self.started.append((name, event))
        if self.failures:
            raise self.failures.pop(0)


async def ticks(functions: Functions, count: int) -> list[float]:
    """Let a timer sleep so many times, and return how long it slept each time."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        if len(slept) == count:
            raise asyncio.CancelledError
        slept.append(seconds)

    timer = Timer(cast("LambdaService", functions), "sweep", 60, sleep=sleep, present=lambda: MOMENT)
    with pytest.raises(asyncio.CancelledError):
        await timer.run()
    return slept


def test_the_sweep_is_what_has_a_schedule() -> None:
    assert [*scheduled_functions(app)] == ["sweep"]


def test_a_schedules_event_says_in_whole_seconds_when_it_was_due() -> None:
    event = schedule_event("sweep", MOMENT)

    assert event["time"] == "2025-11-01T20:00:07Z"
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert scheduled_at(event) == int(MOMENT.now.timestamp())


async def test_a_timer_starts_its_function_after_each_interval() -> None:
    functions = Functions()

    slept = await ticks(functions, 3)

    assert slept == [60, 60, 60]
    assert functions.started == [("sweep", schedule_event("sweep", MOMENT))] * 3


@pytest.mark.parametrize("failure", [FunctionFailed("told to"), ValueError("a defect")])
async def test_a_function_that_fails_is_started_again(failure: Exception) -> None:
    functions = Functions(failure)

    await ticks(functions, 2)

    assert len(functions.started) == 2
