import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice.app import ScheduledEventConfig

from app import app
from chalicelib.api.live.notices import scheduled_at
from infra.local.deployment import Moment
from infra.local.functions.deployed import triggered
from infra.local.functions.environment import FunctionFailed
from infra.local.triggers.schedule import run_schedule, schedule_event

MOMENT = Moment(datetime(2025, 11, 1, 20, 0, 7, 999_000, tzinfo=UTC), "id-1")


def test_only_the_sweep_has_a_schedule() -> None:
    assert [one.name for one in triggered(app, ScheduledEventConfig)] == ["sweep"]


def test_a_schedules_event_says_when_it_was_due() -> None:
    event = schedule_event("sweep", MOMENT)

    assert event["time"] == "2025-11-01T20:00:07Z"
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert scheduled_at(event) == int(MOMENT.now.timestamp())


@pytest.mark.parametrize("failure", [None, FunctionFailed("told to"), ValueError("a defect")])
async def test_a_function_is_started_after_each_interval(failure: Exception | None) -> None:
    happened: list[Any] = []

    async def sleep(seconds: float) -> None:
        if len(happened) == 4:
            raise asyncio.CancelledError
        happened.append(seconds)

    async def invoke(name: str, event: Any) -> None:
        happened.append((name, event["detail-type"]))
        if failure is not None:
            raise failure

    with pytest.raises(asyncio.CancelledError):
        await run_schedule("sweep", 60, invoke, sleep)

    assert happened == [60, ("sweep", "Scheduled Event")] * 2
