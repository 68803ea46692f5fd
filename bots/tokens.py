"""A token for a bot that is started from a shell: from the environment, or printed by a command."""

import os
import shlex
import subprocess

from gamenight import Token, TokenRefused


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


def _printed_by(command: str) -> str:
    # What the command says on standard error is for the person at the terminal, and goes there.
    try:
        done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - it is theirs
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        raise TokenRefused(f"The command that prints a token has failed: {command} ({problem})") from problem
    return done.stdout
