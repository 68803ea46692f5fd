"""The option that names the local gateway's folder."""

from pathlib import Path

import click

from infra.local.state import DEFAULT_STATE_DIR

STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STATE_DIR,
    help="The local gateway's state.  [default: .local/state]",
)
