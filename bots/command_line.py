"""Reads a bot's command line, gets its token, and runs it."""

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
    """Reports a mistake in one line, and ends the program with status 2."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.exit(2, f"{self.prog}: {message}\n")


class Parser(OneLineParser):
    """Reads the arguments that every bot takes."""

    def __init__(self, description: str, cursors: str, kept: str = "the file for its cursors") -> None:
        super().__init__(description=description)
        self.add_argument("url", help="the service's address without /api, e.g. http://localhost:5000")
        self.add_argument("--cursors", default=cursors, help=f"{kept} ({cursors})")
        self.add_argument(
            "--token-command", help="a command that prints a token, instead of $GAMENIGHT_TOKEN"
        )


def token_of(command: str | None) -> Token:
    """Return the token, or a function that gets a new one. Ends the program if there is neither."""
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
    """Run a bot until Ctrl-C, or until an error that a retry can't fix."""
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
    # Standard error is for the person at the terminal, and goes there.
    try:
        done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - it is theirs
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        raise TokenRefused(f"The command that prints a token has failed: {command} ({problem})") from problem
    return done.stdout
