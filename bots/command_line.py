"""The command line of a bot: what it takes, where its token comes from, and how it ends."""

import argparse
import asyncio
import logging
import os
import shlex
import subprocess
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

try:
    from gamenight import GameNightError, NoCursors, Token, TokenRefused, WrongAddress
except ModuleNotFoundError as missing:
    raise SystemExit(f"There is no package {missing.name!r} here: pip install ./clients/python") from None


class OneLineParser(argparse.ArgumentParser):
    """What is wrong it says in one line, and ends the program with status 2."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(2, f"{self.prog}: {message}\n")


class Parser(OneLineParser):
    """Takes what every bot takes."""

    def __init__(self, description: str, cursors: str, kept: str = "where its places are kept") -> None:
        super().__init__(description=description)
        self.add_argument("url", help="where /api is, e.g. http://localhost:5000")
        self.add_argument("--cursors", default=cursors, help=f"{kept} ({cursors})")
        self.add_argument("--token-command", help="what prints a token; without it, $GAMENIGHT_TOKEN is used")


def token_of(command: str | None) -> Token:
    """Return the token, or what gets a new one. Ends the program where there is neither."""
    if command:
        return lambda: _printed_by(command)
    token = os.environ.get("GAMENIGHT_TOKEN", "").strip()
    if not token:
        raise SystemExit(
            "There is no token. Put one into GAMENIGHT_TOKEN, or name a command that prints one: "
            "--token-command 'make -s token'."
        )
    return token


def run(parser: Parser, bot: Callable[[argparse.Namespace], Coroutine[Any, Any, None]]) -> None:
    """Run a bot until Ctrl-C, or until an error that no further attempt can mend."""
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        asyncio.run(bot(options))
    except* (WrongAddress, NoCursors) as problems:
        parser.error(str(problems.exceptions[0]))
    except* GameNightError as problems:
        raise SystemExit(str(problems.exceptions[0])) from None
    except* KeyboardInterrupt:
        raise SystemExit(130) from None


def _printed_by(command: str) -> str:
    # What the command says on standard error is for the person at the terminal, and goes there.
    try:
        done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - it is theirs
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        raise TokenRefused(f"The command that prints a token has failed: {command} ({problem})") from problem
    return done.stdout
