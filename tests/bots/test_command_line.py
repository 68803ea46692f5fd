"""What is wrong on a bot's command line: one sentence, and the status 2."""

from pathlib import Path

import pytest

from tests.bots.programs import python, running

HERE = "http://127.0.0.1:1"
IRC = ["irc_bot.py", HERE, "127.0.0.1"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["irc_bot.py", "http://localhost:notaport", "127.0.0.1", "#games"], "is no address"),
        (["irc_bot.py", "http://localhost:99999", "127.0.0.1", "#games"], "is no address"),
        (["announce.py", "http://localhost:notaport"], "is no address"),
        (["announce.py", HERE, "--cursors", "/dev/null/x"], "Not a directory"),
        (["archive.py", "keep", "http://localhost:99999"], "is no address"),
        (["archive.py", "keep", HERE, "--database", "nowhere/nights.db"], "There is no folder nowhere"),
        ([*IRC, "games"], "'games' is no channel"),
        ([*IRC, "#games night"], "is no channel"),
        ([*IRC, "#games", "--port", "599800"], "--port: 599800 is no port"),
        ([*IRC, "#games", "--port", "0"], "--port: 0 is no port"),
        ([*IRC, "#games", "--pace", "-1"], "--pace: -1 is no number of seconds"),
        ([*IRC, "#games", "--pace", "nan"], "--pace: nan is no number of seconds"),
        (IRC, "required: channel"),
    ],
)
async def test_what_is_wrong_is_said_in_a_line(tmp_path: Path, typed: list[str], said: str) -> None:
    environment = {"GAMENIGHT_TOKEN": "x", "ANNOUNCE_TO": "ntfy://localhost/x"}
    async with running(python(*typed), environment, tmp_path) as program:
        status, printed = await program.ends()

    assert (status, printed.count("\n")) == (2, 1)
    assert said in printed
