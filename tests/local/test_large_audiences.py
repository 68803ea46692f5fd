"""An audience larger than is posted to at once: queue and jobs, end to end."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.clients import PATIENCE_SECONDS, Bot, Host, Target
from tests.gateway import Gateway, gateway_engine, running_gateway
from tests.local.conftest import target_of

INLINE = 3
CROWD = 12
QUEUE = "game-night-live-local-delivery.fifo"
DEAD = "game-night-live-local-delivery-dead.fifo"


@pytest.fixture(scope="module")
def small_limit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("large")
    with (
        gateway_engine(folder) as engine,
        running_gateway(folder, {**engine, "INLINE_AUDIENCE": str(INLINE)}) as gateway,
    ):
        yield gateway


@pytest.fixture(scope="module")
def target(small_limit: Gateway) -> Target:
    return target_of(small_limit)


@pytest.fixture
async def crowd(target: Target) -> AsyncIterator[list[Bot]]:
    token = target.token("bot")
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(target.bot(token)) for _ in range(CROWD)]


linux = pytest.mark.skipif(
    not Path("/proc/self/comm").exists(), reason="finds a function's processes in /proc"
)


@pytest.fixture
def sqs(small_limit: Gateway) -> Any:
    return boto3.client(
        "sqs",
        "us-east-1",
        endpoint_url=small_limit.sqs_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


async def hear(bot: Bot, session_id: int, count: int) -> list[str]:
    """Return the types of a session's events after its start, once so many have come.

    What comes twice counts once. The start is an event of another stream.
    """

    def types() -> list[str]:
        events = [json.loads(text) for text in dict.fromkeys(bot.heard)]
        return [
            one["type"]
            for one in events
            if one["type"] != "session.started" and one["data"]["session"]["id"] == session_id
        ]

    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(types()) < count:
            text = await bot.socket.recv()
            assert isinstance(text, str)
            bot.heard.append(text)
    return types()


async def add_game(host: Host, session_id: int) -> None:
    answer = await host.http.post(f"/api/sessions/{session_id}/games", json={"title": "Tee K.O."})
    assert answer.status_code == 201, answer.text


async def close(host: Host, session_id: int) -> None:
    answer = await host.http.post(f"/api/sessions/{session_id}/close")
    assert answer.status_code == 200, answer.text


async def test_everyone_of_a_large_audience_hears_a_night_in_order(crowd: list[Bot], host: Host) -> None:
    session_id = (await host.start())["id"]
    for bot in crowd:
        await bot.ask({"type": "subscribe", "sessionId": session_id})

    for _ in range(3):
        await add_game(host, session_id)
    await close(host, session_id)

    expected = ["game.added", "game.added", "game.added", "session.ended"]
    assert [await hear(bot, session_id, 4) for bot in crowd] == [expected] * CROWD
    for bot in crowd:
        await bot.hear_start_of(session_id)


async def test_a_job_that_nobody_can_read_ends_among_the_dead_letters_and_holds_up_nobody(
    crowd: list[Bot], host: Host, sqs: Any
) -> None:
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    dead_url = sqs.get_queue_url(QueueName=DEAD)["QueueUrl"]
    sqs.send_message(
        QueueUrl=url, MessageBody="junk", MessageGroupId="sessions#0", MessageDeduplicationId="junk"
    )

    session_id = (await host.start())["id"]

    for bot in crowd:
        await bot.hear_start_of(session_id)
    assert await asyncio.to_thread(received, sqs, dead_url) == ["junk"]


@linux
async def test_a_worker_that_is_killed_loses_nothing(
    crowd: list[Bot], host: Host, sqs: Any, small_limit: Gateway
) -> None:
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "3"})
    session_id = (await host.start())["id"]
    for bot in crowd:
        await bot.ask({"type": "subscribe", "sessionId": session_id})
        await bot.hear_start_of(session_id)
    workers = environments(small_limit, "deliver")
    assert workers

    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    await add_game(host, session_id)
    await close(host, session_id)
    await in_flight(sqs, url)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)

    for bot in crowd:
        assert await hear(bot, session_id, 2) == ["game.added", "session.ended"]


def environments(gateway: Gateway, function: str) -> list[int]:
    """Return the processes of a gateway's function."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name = (folder / "comm").read_text().strip()
            if name == function and os.getpgid(int(folder.name)) == gateway.process.pid:
                found.append(int(folder.name))
    return found


def received(sqs: Any, url: str) -> list[str]:
    """Return the texts of a queue's messages once there are any."""
    while not (messages := sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10).get("Messages")):
        pass
    return [one["Body"] for one in messages]


async def in_flight(sqs: Any, url: str) -> None:
    """Wait until a worker has taken a job."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            attributes = sqs.get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
            )
            if attributes["Attributes"]["ApproximateNumberOfMessagesNotVisible"] != "0":
                return
            await asyncio.sleep(0.05)  # what a queue is doing can only be asked again
