"""The order of starts, which a stream of one shard has and the several shards of a busy table have not."""

import asyncio

from tests.clients import Connect, Host, Target


async def test_starts_arrive_in_the_order_of_their_ids(
    target: Target, connected: Connect, host: Host
) -> None:
    bots = await asyncio.gather(*(connected(target.token("bot")) for _ in range(3)))

    sessions = await asyncio.gather(*(host.start() for _ in range(20)))

    for bot in bots:
        for session in sessions:
            await bot.hear_start_of(session["id"])
        # Delivery is at least once: what counts is when something was heard first.
        first_heard = list(dict.fromkeys(bot.started))
        assert first_heard == sorted(first_heard)
