import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from infra.local.functions.deployed import Function
from infra.local.functions.environment import (
    Environment,
    FunctionCrashed,
    FunctionFailed,
    FunctionTimedOut,
    Nursery,
)
from infra.local.functions.service import LambdaService

HANDLERS = "tests.integration.local.handlers"


@pytest.fixture(scope="module")
def nursery() -> Nursery:
    nursery = Nursery()
    nursery.open()
    return nursery


@asynccontextmanager
async def environment(
    nursery: Nursery, handler: str, timeout_seconds: int = 60
) -> AsyncIterator[Environment]:
    function = Function("a_function", f"{HANDLERS}.{handler}", timeout_seconds, 128)
    opened = await nursery.environment(function)
    yield opened
    opened.close()


async def test_a_handler_gets_the_event_and_a_context_as_on_lambda(nursery: Nursery) -> None:
    async with environment(nursery, "echo", timeout_seconds=30) as lambda_:
        answer = await lambda_.invoke({"text": "é\n"}, "request-1")

    assert answer["event"] == {"text": "é\n"}
    assert (answer["function_name"], answer["request_id"]) == ("a_function", "request-1")
    assert answer["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:a_function"
    assert 0 < answer["remaining"] <= 30_000


async def test_events_after_each_other_are_handled_by_the_same_process_and_not_by_ours(
    nursery: Nursery,
) -> None:
    async with environment(nursery, "echo") as lambda_:
        pids = {(await lambda_.invoke(event, "r"))["pid"] for event in range(3)}

        assert pids == {lambda_.pid}
        assert os.getpid() not in pids


@pytest.mark.parametrize(
    ("event", "words"),
    [("raise", "ValueError: the handler's own words"), ("unserializable", "not JSON serializable")],
)
async def test_a_failure_is_told_and_the_environment_goes_on(
    nursery: Nursery, event: str, words: str
) -> None:
    async with environment(nursery, "misbehave") as lambda_:
        with pytest.raises(FunctionFailed, match=words):
            await lambda_.invoke(event, "r")

        assert await lambda_.invoke("be good", "r") == lambda_.pid
        assert lambda_.usable


async def test_a_handler_that_is_not_there_is_a_failure(nursery: Nursery) -> None:
    async with environment(nursery, "no_such_handler") as lambda_:
        with pytest.raises(FunctionFailed, match="no_such_handler"):
            await lambda_.invoke("x", "r")


@pytest.mark.parametrize("event", ["exit", "die"])
async def test_a_process_that_ends_is_a_crash(nursery: Nursery, event: str) -> None:
    async with environment(nursery, "misbehave") as lambda_:
        with pytest.raises(FunctionCrashed):
            await lambda_.invoke(event, "r")

        assert not lambda_.usable


async def test_a_function_that_takes_too_long_is_ended(nursery: Nursery) -> None:
    async with environment(nursery, "misbehave", timeout_seconds=0) as lambda_:
        with pytest.raises(FunctionTimedOut, match="Task timed out"):
            await lambda_.invoke("hang", "r")

        assert not lambda_.usable


async def test_an_event_that_nobody_waits_for_any_more_ends_its_environment(nursery: Nursery) -> None:
    async with environment(nursery, "misbehave") as lambda_:
        invocation = asyncio.create_task(lambda_.invoke("hang", "r"))
        await asyncio.sleep(0)
        invocation.cancel()
        with suppress(asyncio.CancelledError):
            await invocation

        assert not lambda_.usable


async def test_a_process_that_was_killed_from_outside_is_replaced(nursery: Nursery) -> None:
    function = Function("a_function", f"{HANDLERS}.misbehave", 60, 128)
    service = LambdaService({"a_function": function}, nursery.environment)
    before = await service.invoke("a_function", "be good")
    os.kill(before, signal.SIGKILL)

    with pytest.raises(FunctionCrashed):
        await service.invoke("a_function", "be good")
    after = await service.invoke("a_function", "be good")
    service.close()

    assert after != before
