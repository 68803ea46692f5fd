"""The Discord bot: what a webhook is told, and what is done when Discord takes no message now."""

import asyncio
from pathlib import Path

import pytest
from discord_bot import Webhook, WebhookGone

from tests.bots.bot import FakeTime
from tests.bots.http_server import Answer, HttpServer, answering
from tests.bots.programs import python, running
from tests.clients import Host, Target

PATH = "/api/webhooks/123/s3cret"
UNKNOWN = {"message": "Unknown Webhook", "code": 10015}


def limited(retry_after: str) -> Answer:
    return (429, b'{"message": "You are being rate limited.", "retry_after": %s}' % retry_after.encode())


def webhook(server: HttpServer, time: FakeTime | None = None) -> Webhook:
    return Webhook(server.url + PATH, time or FakeTime())


def environment(server: HttpServer, target: Target) -> dict[str, str]:
    return {"GAMENIGHT_TOKEN": target.token("bot"), "DISCORD_WEBHOOK_URL": server.url + PATH}


async def test_lines_are_one_message_that_mentions_nobody() -> None:
    async with answering() as discord:
        await webhook(discord).says(["🎮 Game Night!", "📝 @everyone"])

    [request] = discord.requests
    assert request.start == f"POST {PATH}?wait=true HTTP/1.1"
    assert request.body == {"content": "🎮 Game Night!\n📝 @everyone", "allowed_mentions": {"parse": []}}


async def test_a_message_is_as_long_as_discord_takes_it() -> None:
    async with answering() as discord:
        await webhook(discord).says(["x" * 3000])

    assert discord.requests[0].body["content"] == f"{'x' * 1999}…"


LONG = [f"{number}. {'x' * 90}: +1 (1 up, 0 down)" for number in range(1, 41)]


async def test_what_one_message_does_not_hold_is_said_in_several() -> None:
    async with answering() as discord:
        await webhook(discord).says(LONG)

    contents = [request.body["content"] for request in discord.requests]
    assert [line for content in contents for line in content.split("\n")] == LONG
    assert len(contents) == 3
    assert max(map(len, contents)) <= 2000


async def test_what_people_type_is_no_markdown() -> None:
    typed = r"🎲 New game: **Bold** _it_ ~~no~~ ||spoiler|| `code` [a](b) <@1> \o/"
    async with answering() as discord:
        await webhook(discord).says([typed])

    shown = discord.requests[0].body["content"]
    escaped = r"\*\*Bold\*\* \_it\_ \~\~no\~\~ \|\|spoiler\|\| \`code\` \[a\](b) \<@1\> \\o/"
    assert shown == f"🎲 New game: {escaped}"


async def test_a_message_full_of_markup_is_as_long_as_discord_takes_it() -> None:
    async with answering() as discord:
        await webhook(discord).says(["📝 " + "*" * 1500])

    assert len(discord.requests[0].body["content"]) == 2000


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("?thread_id=1", "thread_id=1&wait=true"),
        ("?wait=false&thread_id=1", "thread_id=1&wait=true"),
        ("?thread_id=1&with_components=true", "thread_id=1&with_components=true&wait=true"),
        ("?", "wait=true"),
        ("#anything", "wait=true"),
    ],
)
async def test_the_query_of_an_address_is_kept(query: str, asked: str) -> None:
    async with answering() as discord:
        await Webhook(f"{discord.url}{PATH}{query}", FakeTime()).says(["hello"])

    assert [request.start for request in discord.requests] == [f"POST {PATH}?{asked} HTTP/1.1"]


CONFIGURATION: list[Answer] = [
    (400, {"thread_id": ['Value "1?wait=true" is not snowflake.']}),
    (400, {"message": "Webhooks posted to forum channels must have a thread_name", "code": 220001}),
    (400, {"message": "Invalid Form Body", "code": 50035, "errors": {"thread_id": {"_errors": []}}}),
    (405, {"message": "405: Method Not Allowed", "code": 0}),
    (400, b"<html>"),
]


@pytest.mark.parametrize("answer", CONFIGURATION, ids=range(len(CONFIGURATION)))
async def test_a_wrong_address_is_not_taken_for_a_wrong_message(answer: Answer) -> None:
    async with answering(answer) as discord:
        with pytest.raises(WebhookGone, match=r"takes nothing at the address.*HTTP 40[05]") as gone:
            await webhook(discord).says(["hello"])

    assert "s3cret" not in str(gone.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["https://elsewhere.test{}", "https://elsewhere.test{}/?wait=true"])
async def test_a_redirect_is_not_followed_but_told(status: int, location: str) -> None:
    async with answering((status, b"", {"Location": location.format(PATH)})) as discord:
        with pytest.raises(WebhookGone, match=r"https://elsewhere\.test/api/webhooks/123/$") as gone:
            await webhook(discord).says(["hello"])

    assert len(discord.requests) == 1
    assert "s3cret" not in str(gone.value)


async def test_a_redirect_to_a_page_or_to_nowhere_is_told() -> None:
    async with answering((302, b"", {"Location": "/login?next=s3cret"}), (301, b"")) as discord:
        for shown in (f"{discord.url}/", "what its settings show"):
            with pytest.raises(WebhookGone, match=shown) as gone:
                await webhook(discord).says(["hello"])
            assert "s3cret" not in str(gone.value)


WAITS: dict[str, tuple[list[Answer], list[float]]] = {
    "as long as Discord says": ([limited("0.65"), limited("0.65")], [0.65, 0.65]),
    "no longer than an hour": ([limited("7200"), limited("1e999")], [3600, 3600]),
    "nor for infinity": ([limited("Infinity"), limited("9" * 300)], [3600, 3600]),
    "too large for a float": ([limited("9" * 400)], [0.5]),
    "too deep": ([(429, b"[" * 100_000)], [0.5]),
    "no number": ([limited('"soon"')], [0.5]),
    "no JSON": ([(429, b"no JSON")] * 2, [0.5, 1]),
    "no answer": ([None] * 2, [0.5, 1]),
    "too slow a request": ([(408, b"")], [0.5]),
    "a broken answer": ([(502, b"<html>")] * 2, [0.5, 1]),
    "ever longer times": ([(500, b"")] * 8, [0.5, 1, 2, 4, 8, 16, 30, 30]),
}


@pytest.mark.parametrize("name", WAITS)
async def test_a_message_waits_until_discord_takes_it(name: str) -> None:
    answers, delays = WAITS[name]
    time = FakeTime(0.5)
    async with answering(*answers) as discord:
        saying = asyncio.create_task(webhook(discord, time).says(["hello"]))
        await time.passes(*delays)
        await saying

        assert (await discord.takes())["content"] == "hello"
    assert len(discord.requests) == len(answers) + 1


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_lost_webhook_is_told_without_its_secret(status: int) -> None:
    async with answering((status, UNKNOWN)) as discord:
        with pytest.raises(WebhookGone, match=f"HTTP {status}") as gone:
            await webhook(discord).says(["hello"])

    assert "s3cret" not in str(gone.value)


NEVER: list[Answer] = [
    (400, {"message": "Cannot send an empty message"}),
    (400, {"message": "Message was blocked by automatic moderation", "code": 200000}),
    (400, {"message": "Invalid Form Body", "code": 50035, "errors": {"content": {"_errors": []}}}),
    (413, b"<html>"),
]


@pytest.mark.parametrize("answer", NEVER, ids=range(len(NEVER)))
async def test_what_discord_never_takes_is_passed_over(
    caplog: pytest.LogCaptureFixture, answer: Answer
) -> None:
    async with answering(answer) as discord:
        await webhook(discord).says([""])

    assert "Discord refuses a message (HTTP 4" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_night_is_announced_through_limits_and_errors(
    target: Target, host: Host, tmp_path: Path
) -> None:
    command = python("discord_bot.py", target.rest_url)
    async with (
        answering(limited("0.05"), (503, b""), None) as discord,
        running(command, environment(discord, target), tmp_path) as program,
    ):
        await program.prints("authenticated as bot (bot)")
        night = (await host.start("Friday Game Night"))["id"]
        await host.add_game(night, "Quiplash 3")
        for username in ("alice", "bob"):
            await host.vote(night, username)
        await host.close(night)

        messages = [(await discord.takes())["content"] for _ in range(3)]

    how = "🗳️ Vote with thisgame++ or thisgame-- during games!"
    assert messages == [
        f"🎮 Game Night has started! Session #{night}\n📝 Friday Game Night\n{how}",
        "🎲 New game: Quiplash 3",
        f"🌙 Session {night} ended!\n📊 Games played: 1\n1. Quiplash 3: +2 (2 up, 0 down)",
    ]
    assert len(discord.requests) == 6


async def test_what_discord_did_not_take_is_announced_after_a_restart(
    target: Target, host: Host, tmp_path: Path
) -> None:
    command = python("discord_bot.py", target.rest_url)
    async with answering() as discord:
        async with running(command, environment(discord, target), tmp_path) as program:
            await program.prints("authenticated as bot (bot)")
            discord.answers = [(404, UNKNOWN)]
            night = (await host.start())["id"]
            status, printed = await program.ends()

        async with running(command, environment(discord, target), tmp_path):
            while f"#{night}" not in (await discord.takes())["content"]:
                pass
    await host.close(night)

    assert status == 1
    assert printed.splitlines()[-1].startswith("Discord does not know the webhook")
    assert "s3cret" not in printed


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "Put the webhook's URL into DISCORD_WEBHOOK_URL; the channel's settings"),
        *[
            (
                wrong,
                "What is in DISCORD_WEBHOOK_URL is no webhook's URL, which begins with https://discord.com",
            )
            for wrong in (
                "nonsense",
                "discord.com/api/webhooks/123/s3cret",
                "https://",
                "https:///a",
                "https://discord.com/",
                "https://discord.com:99999/a",
                "https://a/b c",
                "https://a/\u200b",
            )
        ],
    ],
)
async def test_without_a_webhook_it_says_where_to_put_it(tmp_path: Path, url: str, said: str) -> None:
    command = python("discord_bot.py", "http://localhost:5000")
    async with running(command, {"GAMENIGHT_TOKEN": "x", "DISCORD_WEBHOOK_URL": url}, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 2
    assert printed.startswith(f"discord_bot.py: {said}")
    assert len(printed.splitlines()) == 1
