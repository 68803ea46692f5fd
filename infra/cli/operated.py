"""What the commands for a stage in operation have in common: the options --stage and --state-dir."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from infra.cli.local_state import STATE_DIR
from infra.deploy.errors import explained
from infra.deploy.operate.stage import operated_stage
from infra.local.state import StateDir


def on_an_operated_stage(run: Callable[..., None]) -> Callable[..., None]:
    """Call a command with the stage that --stage names.

    Whatever AWS refuses ends the command with a message that says what to do.
    """

    @click.option("--stage", "name", default="local", show_default=True, metavar="NAME", help="The stage.")
    @STATE_DIR
    @wraps(run)
    def command(name: str, state_dir: Path, **options: Any) -> None:
        with explained():
            run(operated_stage(name, StateDir(state_dir)), **options)

    return command
