"""The Discord bot: what a webhook is told, and what is done when Discord takes no message now."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from discord_bot import Webhook, WebhookGone

from tests.bots.discord_api import PATH, DiscordApi
from tests.bots.programs import python, running
from tests.bots.surroundings import Stage
from tests.clients import Host, Target

LIMITED = (429, {"message": "You are being rate limited.", "retry_after": 0.65, "global": False})


@pytest.fixture
async def discord() -> AsyncIterator[DiscordApi]:
    async with DiscordApi().serving() as discord:
        yield discord


async def test_lines_are_one_message_that_mentions_nobody(discord: DiscordApi) -> None:
    await Webhook(discord.webhook, Stage()).says(["🎮 Game Night!", "📝 @everyone"])

    (request,) = discord.requests
    assert request["start"] == f"POST {PATH}?wait=true HTTP/1.1"
    assert request["body"] == {"content": "🎮 Game Night!\n📝 @everyone", "allowed_mentions": {"parse": []}}


async def test_a_message_is_as_long_as_discord_takes_it(discord: DiscordApi) -> None:
    await Webhook(discord.webhook, Stage()).says(["x" * 3000])

    assert len(discord.requests[0]["body"]["content"]) == 2000
    assert discord.requests[0]["body"]["content"].endswith("x…")


async def test_a_rate_limit_is_waited_out_for_as_long_as_discord_says(discord: DiscordApi) -> None:
    discord.answers = [LIMITED, LIMITED]
    stage = Stage(chance=0.5)
    saying = asyncio.create_task(Webhook(discord.webhook, stage).says(["hello"]))

    await stage.passes(0.65)
    await stage.passes(0.65)
    await saying

    assert await discord.takes() == "hello"
    assert len(discord.requests) == 3


@pytest.mark.parametrize("told", ["7200", "1e999", "Infinity", "9" * 300])
async def test_no_message_waits_longer_than_an_hour_because_discord_says_so(
    discord: DiscordApi, told: str
) -> None:
    discord.answers = [(429, f'{{"retry_after": {told}}}'.encode())]
    stage = Stage(chance=0.5)
    saying = asyncio.create_task(Webhook(discord.webhook, stage).says(["hello"]))

    await stage.passes(3600)
    await saying

    assert await discord.takes() == "hello"


UNREADABLE = [b'{"retry_after": %s}' % (b"9" * 400), b"[" * 100_000, b'{"retry_after": "soon"}']


@pytest.mark.parametrize("told", UNREADABLE, ids=["too large for a float", "too deep", "no number"])
async def test_a_wait_that_cannot_be_read_is_a_random_one(discord: DiscordApi, told: bytes) -> None:
    discord.answers = [(429, told)]
    stage = Stage(chance=0.5)
    saying = asyncio.create_task(Webhook(discord.webhook, stage).says(["hello"]))

    await stage.passes(0.5)
    await saying

    assert await discord.takes() == "hello"


@pytest.mark.parametrize("trouble", [(500, b""), (502, b"<html>"), (429, b"no JSON"), (429, {}), None])
async def test_trouble_is_waited_out_for_ever_longer_random_times(discord: DiscordApi, trouble: Any) -> None:
    discord.answers = [trouble] * 8
    stage = Stage(chance=0.5)
    saying = asyncio.create_task(Webhook(discord.webhook, stage).says(["hello"]))

    for delay in (0.5, 1, 2, 4, 8, 16, 30, 30):
        await stage.passes(delay)
    await saying

    assert await discord.takes() == "hello"


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_webhook_that_is_gone_is_told_without_its_secret(discord: DiscordApi, status: int) -> None:
    discord.answers = [(status, {"message": "Unknown Webhook", "code": 10015})]

    with pytest.raises(WebhookGone, match=f"HTTP {status}") as gone:
        await Webhook(discord.webhook, Stage()).says(["hello"])

    assert "s3cret" not in str(gone.value)


async def test_what_discord_will_never_take_is_passed_over(
    discord: DiscordApi, caplog: pytest.LogCaptureFixture
) -> None:
    discord.answers = [(400, {"message": "Cannot send an empty message"})]

    await Webhook(discord.webhook, Stage()).says([""])

    assert "Discord refuses a message (HTTP 400)" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_night_is_announced_in_the_channel_through_limits_and_errors(
    discord: DiscordApi, target: Target, host: Host, tmp_path: Path
) -> None:
    discord.answers = [(429, {"message": "limited", "retry_after": 0.05, "global": False}), (503, b""), None]
    environment = {"GAMENIGHT_TOKEN": target.token("bot"), "DISCORD_WEBHOOK_URL": discord.webhook}
    async with running(python("discord_bot.py", target.rest_url), environment, tmp_path) as program:
        await program.prints("authenticated as bot (bot)")
        session = await host.start("Friday Game Night")
        at = f"/api/sessions/{session['id']}"
        await host.http.post(f"{at}/games", json={"title": "Quiplash 3"})
        for username in ("alice", "bob"):
            await host.http.post(f"{at}/votes", json={"username": username, "type": "up"})
        await host.http.post(f"{at}/close")

        messages = [await discord.takes() for _ in range(3)]

    announced = [
        f"🎮 Game Night has started! Session #{session['id']}",
        "📝 Friday Game Night",
        "🗳️ Vote with thisgame++ or thisgame-- during games!",
    ]
    assert messages == [
        "\n".join(announced),
        "🎲 New game: Quiplash 3",
        f"🌙 Session {session['id']} ended!\n📊 Games played: 1\n1. Quiplash 3: +2 (2 up, 0 down)",
    ]
    assert len(discord.requests) == 6


async def test_what_discord_did_not_take_is_announced_when_the_bot_is_started_again(
    discord: DiscordApi, target: Target, host: Host, tmp_path: Path
) -> None:
    environment = {"GAMENIGHT_TOKEN": target.token("bot"), "DISCORD_WEBHOOK_URL": discord.webhook}
    command = python("discord_bot.py", target.rest_url)
    async with running(command, environment, tmp_path) as program:
        await program.prints("authenticated as bot (bot)")
        first = await host.start()
        await discord.takes()
        discord.answers = [(404, {"message": "Unknown Webhook"})]
        second = await host.start()
        status, printed = await program.ends()

    async with running(command, environment, tmp_path):
        again = [await discord.takes()]
        while f"#{second['id']}" not in again[-1]:
            again.append(await discord.takes())
    for session in (first, second):
        await host.http.post(f"/api/sessions/{session['id']}/close")

    assert status == 1
    assert printed.splitlines()[-1].startswith("Discord does not know the webhook")
    assert "s3cret" not in printed


@pytest.mark.parametrize("url", ["", "discord.com/api/webhooks/123/s3cret"])
async def test_without_a_webhook_the_bot_says_where_to_put_it(tmp_path: Path, url: str) -> None:
    command = python("discord_bot.py", "http://localhost:5000")
    environment = {"GAMENIGHT_TOKEN": "x", "DISCORD_WEBHOOK_URL": url}
    async with running(command, environment, tmp_path) as program:
        status, printed = await program.ends()

    assert (status, printed) == (
        1,
        "Put the webhook's URL into DISCORD_WEBHOOK_URL; the channel's settings make one.\n",
    )
