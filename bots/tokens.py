"""A token for a bot that is started from a shell: from the environment, or printed by a command."""

import os
import shlex
import subprocess

from gamenight import Token


def token_of(command: str | None) -> Token:
    """Return the token, or what gets a new one. Ends the program where there is neither."""
    if command:
        words = shlex.split(command)
        return lambda: _printed_by(words)
    token = os.environ.get("GAMENIGHT_TOKEN", "").strip()
    if not token:
        raise SystemExit(
            "There is no token. Put one into GAMENIGHT_TOKEN, or name a command that prints one: "
            "--token-command 'make -s token'."
        )
    return token


def _printed_by(words: list[str]) -> str:
    # What the command says on standard error is for the person at the terminal, and goes there.
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - it is theirs
    if done.returncode:
        raise SystemExit(f"The command that prints a token has failed: {shlex.join(words)}")
    return done.stdout.strip()
