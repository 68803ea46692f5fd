"""The blocks of the JavaScript client's README, run as they stand there against a gateway."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bots.programs import Program, running
from tests.clients import PATIENCE_SECONDS, Host, Target
from tests.scenarios.clients import PACKAGE, Client

BLOCKS = re.findall(r"^```js\n(.*?)^```$", (PACKAGE / "README.md").read_text(), re.MULTILINE | re.DOTALL)
BOT, LISTENERS, HOSTING, OPTIONS = range(4)


@asynccontextmanager
async def started(client: Client, block: int, target: Target) -> AsyncIterator[Program]:
    program = client.folder / f"block-{block}.mjs"
    program.write_text(BLOCKS[block].replace("http://localhost:5000", target.rest_url))
    tokens = {"GAMENIGHT_TOKEN": target.token("bot"), "GAMENIGHT_ADMIN_TOKEN": target.token("admin")}
    async with running([*client.command[:-1], program], tokens, client.folder) as running_program:
        yield running_program


def test_the_bot_that_loses_nothing_has_ten_lines() -> None:
    assert len(BLOCKS) == 4
    assert len([line for line in BLOCKS[BOT].splitlines() if line]) <= 10


async def test_the_bot_prints_what_it_missed(client: Client, target: Target, host: Host) -> None:
    cursors = client.folder / "bot.json"
    async with started(client, BOT, target) as bot:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not cursors.exists():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        first = (await host.start())["id"]
        await bot.prints(f"Night {first} has started")
    missed = (await host.start())["id"]
    await host.add_game(first, "Quiplash 3")

    async with started(client, BOT, target) as bot:
        await bot.prints(f"Night {missed} has started")
        await bot.prints("Quiplash 3 is on")
    for night in (first, missed):
        await host.close(night)


async def test_listeners_hear_until_they_are_told_to_close(
    client: Client, target: Target, host: Host
) -> None:
    async with started(client, LISTENERS, target) as bot:
        await bot.prints("The connection is live")
        night = (await host.start())["id"]
        await host.add_game(night, "Fibbage")
        await host.vote(night, "ana")
        await bot.prints("Fibbage stands at 1")
        bot.process.send_signal(signal.SIGTERM)
        status, printed = await bot.ends()
    await host.close(night)

    assert (status, printed) == (0, "The connection is closed\n")


async def test_a_host_sees_a_night_through(client: Client, target: Target, host: Host) -> None:
    while (active := await host.http.get("/api/sessions/active")).status_code == 200:
        await host.close(active.json()["id"])
    async with started(client, HOSTING, target) as program:
        status, printed = await program.ends()

    assert status == 0, printed
    assert re.fullmatch(r"It stands at 1\n1 game was played\n\d+ 0 null\n", printed)


async def test_a_signal_ends_it_and_cursors_are_where_they_were_put(client: Client, target: Target) -> None:
    async with started(client, OPTIONS, target) as program:
        status, printed = await program.ends()

    assert status == 0, printed
    assert "'sessions'" in printed
