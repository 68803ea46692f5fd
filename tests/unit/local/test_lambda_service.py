import asyncio
import threading
from typing import Any, cast

import pytest

from infra.local.functions.deployed import Function
from infra.local.functions.environment import (
    Environment,
    FunctionFailed,
    IntegrationTimedOut,
)
from infra.local.functions.service import LambdaService

FUNCTION = Function("broadcast", "app.broadcast", 60)
PATIENCE_SECONDS = 60


class FakeEnvironment:
    def __init__(self, open_gate: threading.Event) -> None:
        self.usable = True
        self._gate = open_gate

    def invoke(self, event: Any, request_id: str) -> Any:
        assert request_id
        assert self._gate.wait(PATIENCE_SECONDS)
        if event == "crash":
            self.usable = False
            raise FunctionFailed("crash")
        if event == "fail":
            raise FunctionFailed("fail")
        return event

    def kill(self) -> None:
        self.usable = False


class FakeLambda:
    """Starts environments, which answer once the gate is open."""

    def __init__(self, concurrency: int = 1) -> None:
        self.environments: list[FakeEnvironment] = []
        self.gate = threading.Event()
        self.gate.set()
        self.service = LambdaService({"broadcast": FUNCTION}, self._start, concurrency)

    def _start(self, function: Function) -> Environment:
        assert function is FUNCTION
        self.environments.append(FakeEnvironment(self.gate))
        return cast("Environment", self.environments[-1])


async def test_an_environment_is_used_again() -> None:
    fake = FakeLambda()

    await fake.service.warm()
    answers = [await fake.service.invoke("broadcast", event) for event in (1, 2)]
    with pytest.raises(FunctionFailed):
        await fake.service.invoke("broadcast", "fail")
    answers.append(await fake.service.invoke("broadcast", 3))

    assert answers == [1, 2, 3]
    assert len(fake.environments) == 1
    fake.service.close()


async def test_a_crashed_environment_is_replaced() -> None:
    fake = FakeLambda()

    with pytest.raises(FunctionFailed):
        await fake.service.invoke("broadcast", "crash")
    answer = await fake.service.invoke("broadcast", 1)

    assert answer == 1
    assert len(fake.environments) == 2
    fake.service.close()


async def test_a_caller_that_leaves_does_not_stop_the_function() -> None:
    fake = FakeLambda()
    fake.gate.clear()

    with pytest.raises(IntegrationTimedOut):
        await fake.service.invoke("broadcast", 1, within=0.01)
    fake.gate.set()
    answer = await fake.service.invoke("broadcast", 2)

    assert answer == 2
    assert len(fake.environments) == 1
    fake.service.close()


async def test_all_environments_end_with_the_service() -> None:
    fake = FakeLambda(concurrency=2)
    await fake.service.warm()

    fake.service.close()

    assert not any(environment.usable for environment in fake.environments)


@pytest.mark.parametrize("ticks", range(6))
async def test_waiting_for_a_run_can_be_cancelled_while_one_ends(ticks: int) -> None:
    fake = FakeLambda()
    waiting = asyncio.create_task(fake.service.until_one_has_run(PATIENCE_SECONDS))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    fake.service._ran.set()
    for _ in range(ticks):
        await asyncio.sleep(0)
    accepted = waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled() == accepted
