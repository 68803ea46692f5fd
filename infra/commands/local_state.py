"""The local gateway's folder: the option that names it, and the folder where it has to have been used."""

from pathlib import Path

import click

from infra.local.state import DEFAULT_STATE_DIR, StateDir

STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STATE_DIR,
    help="The local gateway's state.  [default: .local/state]",
)


def used_state(folder: Path) -> StateDir:
    """Return the folder's state. Ends the command, with what to do, where no gateway has used it yet."""
    state = StateDir(folder)
    if not state.token_secrets.exists():
        raise click.ClickException(
            f"No gateway has been started with the state folder {folder} yet, so there is no secret to "
            "sign with. Start one with `make run`, or name its folder with --state-dir."
        )
    return state
