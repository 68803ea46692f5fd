"""Where a bot's token comes from, and what is done where none can be had."""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import token_of
from gamenight import GameNight, TokenRefused

from tests.bots.bot import FakeTime, bot_on
from tests.bots.http_server import answering
from tests.bots.programs import python, running
from tests.bots.server import Script, auth, error, gets, hang_up, started

STARTED_8 = ["session.started 8"]
NEWS: Script = [auth("S:8"), started(8)]
REFUSED: Script = [gets("auth"), {"type": "auth_error", "code": "token_expired", "message": "It is over."}]
EXPIRING = {"type": "token_expiring", "expiresAt": "2025-11-01T20:02:00.000Z"}


def giving(*given: Any) -> Callable[[], str]:
    """Return a function that returns a token, or raises, in turn; the last for ever."""
    left = [*given]

    def give() -> str:
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return str(one)

    return give


AWAY = OSError("the service is away")
BREAKS: dict[str, tuple[list[Any], list[Script], list[str]]] = {
    "while it is good": (["old", AWAY], [[auth(), hang_up], NEWS], ["old", "old"]),
    "whatever was raised": (["old", KeyError("token")], [[auth(), hang_up], NEWS], ["old", "old"]),
    "where the new one can't be one": (["old", ""], [[auth(), hang_up], NEWS], ["old", "old"]),
    "when it is to be refreshed": (["old", AWAY], [[auth(), EXPIRING, started(8)]], ["old"]),
    "until a new one can be had": (
        ["old", AWAY, AWAY, AWAY, AWAY, "new"],
        [[auth(), error("token_expired")], REFUSED, REFUSED, NEWS],
        ["old", "old", "old", "new"],
    ),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_the_old_token_is_kept(name: str, caplog: pytest.LogCaptureFixture) -> None:
    given, scripts, used = BREAKS[name]

    async with bot_on(*scripts, token=giving(*given)) as bot:
        assert await bot.hears() == STARTED_8
        assert [(await bot.server.asked_frame())["token"] for _ in used] == used

    assert "keeping the old token: " in caplog.text


async def test_a_new_token_is_not_waited_for_without_end(caplog: pytest.LogCaptureFixture) -> None:
    tokens, hanging = iter(["old"]), asyncio.Event()

    async def hangs() -> str:
        if token := next(tokens, ""):
            return token
        hanging.set()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nothing ends it")

    async with bot_on([auth(), hang_up], NEWS, token=hangs) as bot:
        hearing = bot.hears_meanwhile()
        await hanging.wait()
        await bot.time.passes(25)
        assert await hearing == STARTED_8

    assert "keeping the old token: no answer within 25 s" in caplog.text


async def test_no_token_at_the_first_start_ends_a_bot() -> None:
    async with bot_on(NEWS, token=giving(AWAY)) as bot:
        with pytest.raises(TokenRefused, match="Getting a token has failed: the service is away"):
            await bot.listener.next()

    assert bot.server.connections == 0


@pytest.mark.parametrize(
    ("token", "said"),
    [
        *[("", "There is no token"), (" \n", "There is no token"), (lambda: None, "There is no token")],
        ("eyJ\u200bhbG", r"can't be a token: its character 4 is U\+200B \(ZERO WIDTH SPACE\)"),
        ("\ufeffeyJhbG", r"character 1 is U\+FEFF"),
        ("eyJ\u2028hbG", r"character 4 is U\+2028"),
        ("eyJ\r\nhbG", r"character 4 is U\+000D \(a control character\)"),
        (lambda: "eyJ—hbG", r"character 4 is U\+2014 \(EM DASH\)"),
        ("eyJ hbG", r"character 4 is U\+0020 \(SPACE\)"),
    ],
)
async def test_what_cant_be_a_token_is_called_that(token: Any, said: str) -> None:
    async with answering() as server:
        night = GameNight(server.url, token, surroundings=FakeTime())

        with pytest.raises(TokenRefused, match=said) as by_request:
            await night.night(7)
        with pytest.raises(TokenRefused, match=said):
            await anext(GameNight(f"ws://127.0.0.1:{server.port}/api/sessions/live", token).events())

    assert server.requests == []
    assert "eyJ" not in str(by_request.value)


@pytest.mark.parametrize(
    "token",
    [
        "a-token\n",
        " a-token\r\n",
        "\ta-token\u00a0",
        lambda: "a-token\n",
        "Bearer a-token",
        "bearer  a-token\n",
    ],
)
async def test_what_stands_around_a_token_is_no_part_of_it(token: Any) -> None:
    async with bot_on(NEWS, token=token) as bot, answering() as server:
        assert await bot.hears() == STARTED_8
        assert (await bot.server.asked_frame())["token"] == "a-token"
        await GameNight(server.url, token).night(7)

    assert server.requests[0].headers["authorization"] == "Bearer a-token"


@pytest.mark.parametrize("path", ["/api/sessions/ü", "/api/ sessions", "/api/\x7f"])
async def test_what_cant_be_sent_is_not_called_an_answer(path: str) -> None:
    async with answering() as server:
        with pytest.raises(ValueError, match=r"."):
            await GameNight(server.url, "a-token").request("GET", path)

    assert server.requests == []


@pytest.mark.parametrize("command", ["false", "no-such-command", "echo 'unbalanced", "true", " "])
async def test_a_command_that_prints_no_token_ends_a_bot_that_starts(tmp_path: Path, command: str) -> None:
    start = python("irc_bot.py", "http://127.0.0.1:1", "127.0.0.1", "#games", "--port", "1")
    async with running([*start, "--token-command", command], {}, tmp_path) as program:
        status, printed = await program.ends()

    assert status == 1
    assert "token" in printed.splitlines()[-1]
    assert "Traceback" not in printed


async def test_a_command_that_fails_later_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    printed = tmp_path / "token"
    printed.write_text("old\n")
    caplog.set_level(logging.INFO)

    async def goes_away(_: Any) -> None:
        printed.unlink()

    command = f"{sys.executable} -c \"print(open('{printed}').read())\""
    async with bot_on([auth(), goes_away, hang_up], NEWS, token=token_of(command)) as bot:
        assert await bot.hears() == STARTED_8

    assert "keeping the old token: The command that prints a token has failed" in caplog.text
