"""The blocks of JavaScript in the documents, run as they stand there against a gateway."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bots.programs import Program, running
from tests.clients import PATIENCE_SECONDS, Host, Target
from tests.gateway import ROOT
from tests.scenarios.clients import EITHER_NODE, PACKAGE, Client

DOCUMENTS = (PACKAGE / "README.md", ROOT / "docs" / "bots.md")
BLOCKS = [
    block
    for path in DOCUMENTS
    for block in re.findall(r"^```js\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
]
BOT, LISTENERS, HOSTING, GUEST, OPTIONS, OTHER_BOT = range(6)


@asynccontextmanager
async def started(
    client: Client, block: int, target: Target, cursors: str | None = None, url: str | None = None
) -> AsyncIterator[Program]:
    """Run a block, and wait until it has saved its first cursors, where it does."""
    kept, source = client.folder / (cursors or "none"), client.folder / f"block-{block}.mjs"
    source.write_text(BLOCKS[block].replace("http://localhost:5000", url or target.rest_url))
    tokens = {"GAMENIGHT_TOKEN": target.token("bot"), "GAMENIGHT_ADMIN_TOKEN": target.token("admin")}
    async with running([*client.command[:-1], source], tokens, client.folder) as program:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while cursors and not kept.exists():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        yield program


def test_the_bot_that_loses_nothing_has_ten_lines() -> None:
    assert len(BLOCKS) == 6
    assert len([line for line in BLOCKS[BOT].splitlines() if line]) <= 10


@EITHER_NODE
async def test_the_bot_prints_what_it_missed(client: Client, target: Target, host: Host) -> None:
    async with started(client, BOT, target, "bot.json") as bot:
        first = (await host.start())["id"]
        await bot.prints(f"Night {first} has started")
    missed = (await host.start())["id"]
    await host.add_game(first, "Quiplash 3")

    async with started(client, BOT, target) as bot:
        await bot.prints(f"Night {missed} has started")
        await bot.prints("Quiplash 3 is on")
    for night in (first, missed):
        await host.close(night)


@EITHER_NODE
async def test_a_bot_that_reaches_nobody_says_so(client: Client, target: Target) -> None:
    async with started(client, BOT, target, url="http://127.0.0.1:1") as bot:
        said = await bot.prints("; trying again")

    assert said.startswith("gamenight: ")


@EITHER_NODE
async def test_a_port_that_no_port_is_ends_it(client: Client, target: Target) -> None:
    async with started(client, BOT, target, url="http://localhost:99999") as bot:
        status, printed = await bot.ends()

    assert (status, '"http://localhost:99999" is no address' in printed) == (1, True)


@EITHER_NODE
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


@EITHER_NODE
async def test_a_host_sees_a_night_through(client: Client, target: Target, host: Host) -> None:
    while (active := await host.http.get("/api/sessions/active")).status_code == 200:
        await host.close(active.json()["id"])
    async with started(client, HOSTING, target) as program:
        status, printed = await program.ends()

    assert status == 0, printed
    assert re.fullmatch(r"It stands at 1\n0 games were played\n\d+ 0 null\n", printed)


@EITHER_NODE
async def test_a_guest_joins_votes_and_is_removed(client: Client, target: Target) -> None:
    async with started(client, GUEST, target) as program:
        assert await program.ends() == (0, "TokenRefused token_revoked\n")


@EITHER_NODE
async def test_the_bot_that_votes_is_a_whole_bot(client: Client, target: Target, host: Host) -> None:
    async with started(client, OTHER_BOT, target, "my-bot.json") as bot:
        night = (await host.start())["id"]
        await bot.prints(f"🎮 Game Night has started! Session #{night}")
        await host.add_game(night, "Tee K.O.")
        await bot.prints("🎲 New game: Tee K.O.")
        await bot.prints("🗳️ It stands at 1 with my vote")
    await host.close(night)


@EITHER_NODE
async def test_a_signal_ends_it_and_cursors_are_where_they_were_put(client: Client, target: Target) -> None:
    async with started(client, OPTIONS, target) as program:
        await program.prints("live")
        program.process.send_signal(signal.SIGTERM)
        status, printed = await program.ends()

    assert (status, printed) == (0, "closed\n[ 'sessions' ]\n")
