"""``python -m infra local``: serve http and ws on localhost until Ctrl-C."""

from pathlib import Path

import click

from infra.local.state import DEFAULT_STATE_DIR


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="0: a free one.")
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STATE_DIR,
    help="Where sessions and the token secret are kept.  [default: .local/state]",
)
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Written once requests are served: JSON with rest_url and websocket_url.",
)
def command(port: int, state_dir: Path, ready_file: Path | None) -> None:  # noqa: ARG001 - used once it serves
    """Serve http and ws on localhost."""
    raise click.ClickException("The local gateway does not serve yet.")
