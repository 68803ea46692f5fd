"""A gateway whose tables are empty."""

import asyncio
from pathlib import Path

from tests.gateway import running_gateway
from tests.local.conftest import target_of


async def test_the_first_fifty_hosts_at_once_get_the_ids_1_to_50(
    new_engine: dict[str, str], tmp_path: Path
) -> None:
    with running_gateway(tmp_path, new_engine) as gateway:
        target = target_of(gateway)
        async with target.host(target.token("admin")) as host, target.bot(target.token("bot")) as bot:
            sessions = await asyncio.gather(*(host.start() for _ in range(50)))
            await bot.hear_start_of(50)

    assert sorted(session["id"] for session in sessions) == list(range(1, 51))
    assert bot.started == list(range(1, 51))
