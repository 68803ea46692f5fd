"""All functions that post, together: what reaches the server is what the budget lets through."""

import asyncio
from contextlib import AsyncExitStack

from chalicelib.token_bucket import TokenBucket
from infra.deploy.budget import CONCURRENCY, DELIVERY_SHARE, posts_per_second
from tests.integration.aws.hostile_server import HostileServer
from tests.integration.aws.sending import HELLO, api_of, crowd

ACCOUNT_RATE = 480
FUNCTIONS = sum(CONCURRENCY.values())


class Time:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_server_gets_no_more_than_the_budget() -> None:
    server, time = HostileServer(), Time()
    rate = posts_per_second(ACCOUNT_RATE)
    buckets = [TokenBucket(rate, rate / 2, clock=time) for _ in range(FUNCTIONS)]

    async def arrives(count: int) -> int:
        """Wait for so many posts, and return how many came before no bucket let one through any more."""
        async with asyncio.timeout(60):
            while len(server.requests) < count or not all(bucket.wait() for bucket in buckets):  # noqa: ASYNC110 - sockets tell nobody
                await asyncio.sleep(0)
        return len(server.requests)

    in_half_a_second = FUNCTIONS * rate // 2
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(server.serving(None))
        running = []
        for bucket in buckets:
            api = await stack.enter_async_context(api_of(server, rate=bucket))
            running.append(asyncio.create_task(api.send(HELLO, crowd(500), within=60)))
        counts = [await arrives(in_half_a_second)]
        for step in range(2, 6):
            time.now += 0.5
            counts.append(await arrives(in_half_a_second * step))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    assert counts == [in_half_a_second * n for n in range(1, 6)]
    assert in_half_a_second * 2 <= ACCOUNT_RATE * DELIVERY_SHARE
