import asyncio
from typing import Any

import pytest

from infra.local.functions.deployed import Function
from infra.local.functions.environment import FunctionCrashed, FunctionFailed, IntegrationTimedOut
from infra.local.functions.service import LambdaService

FUNCTION = Function("broadcast", "app.broadcast", 60, 128)


class FakeWorker:
    def __init__(self, lambda_: "FakeLambda") -> None:
        self.usable = True
        self.closed = False
        self._lambda = lambda_
        self._busy = False

    async def invoke(self, event: Any, request_id: str) -> Any:
        assert request_id
        assert not self._busy, "one event at a time"
        self._busy = True
        try:
            await self._lambda.gate.wait()
            if event == "crash":
                self.usable = False
                raise FunctionCrashed("crash")
            if event == "fail":
                raise FunctionFailed("fail")
            return event
        finally:
            self._busy = False

    def close(self) -> None:
        self.closed = True


class FakeLambda:
    """Starts workers, which answer once the gate is open."""

    def __init__(self, concurrency: int = 2) -> None:
        self.workers: list[FakeWorker] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.service = LambdaService({"broadcast": FUNCTION}, self.start, concurrency)

    async def start(self, function: Function) -> FakeWorker:
        assert function is FUNCTION
        self.workers.append(FakeWorker(self))
        return self.workers[-1]


async def test_an_environment_that_is_free_is_used_again() -> None:
    fake = FakeLambda()

    answers = [await fake.service.invoke("broadcast", event) for event in (1, 2, 3)]

    assert answers == [1, 2, 3]
    assert len(fake.workers) == 1


async def test_events_at_the_same_time_get_environments_of_their_own_up_to_the_bound() -> None:
    fake = FakeLambda(concurrency=2)
    fake.gate.clear()

    invocations = [asyncio.create_task(fake.service.invoke("broadcast", event)) for event in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    fake.gate.set()
    answers = await asyncio.gather(*invocations)

    assert answers == [0, 1, 2, 3, 4]
    assert len(fake.workers) == 2


async def test_a_function_that_fails_keeps_its_environment() -> None:
    fake = FakeLambda()

    with pytest.raises(FunctionFailed):
        await fake.service.invoke("broadcast", "fail")
    await fake.service.invoke("broadcast", 1)

    assert len(fake.workers) == 1


async def test_a_crashed_environment_is_replaced() -> None:
    fake = FakeLambda()

    with pytest.raises(FunctionCrashed):
        await fake.service.invoke("broadcast", "crash")
    answer = await fake.service.invoke("broadcast", 1)

    assert answer == 1
    assert len(fake.workers) == 2


async def test_a_caller_that_stops_waiting_does_not_stop_the_function() -> None:
    fake = FakeLambda(concurrency=1)
    fake.gate.clear()

    with pytest.raises(IntegrationTimedOut):
        await fake.service.invoke("broadcast", 1, within=0)
    fake.gate.set()
    answer = await fake.service.invoke("broadcast", 2)

    assert answer == 2
    assert len(fake.workers) == 1


async def test_a_warm_function_has_an_environment_before_its_first_event() -> None:
    fake = FakeLambda()

    await fake.service.warm()
    await fake.service.invoke("broadcast", 1)

    assert len(fake.workers) == 1


async def test_all_environments_end_with_the_service() -> None:
    fake = FakeLambda()
    await fake.service.invoke("broadcast", 1)

    fake.service.close()

    assert all(worker.closed for worker in fake.workers)
