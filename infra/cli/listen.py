"""``python -m infra listen``: what happens in all nights, as it happens."""

import logging
from pathlib import Path

import click

from chalicelib.auth.claims import Role
from infra.cli.examples import examples
from infra.cli.service.format import ConnectionLog, as_json, as_line, members
from infra.cli.service.library import GameNight
from infra.cli.service.target import ServiceTarget, told
from infra.cli.service_options import on_a_service
from infra.event_loop import run


@click.command(
    epilog=examples("listen", "listen --stage dev --cursors dev.json", "listen --json 2>/dev/null | jq .data")
)
@click.option(
    "--cursors",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to keep the position: started again, it goes on from there and misses nothing.",
)
@on_a_service
def command(place: ServiceTarget, cursors: Path | None, *, json_only: bool) -> None:
    """Show what happens in all game nights, as it happens, until Ctrl-C.

    It begins with the nights that are active, and follows each that starts. A connection that breaks is made
    anew, and what was missed meanwhile is shown then. Events go to standard output, what happens to the
    connection to standard error.
    """
    library = logging.getLogger("gamenight")
    library.setLevel(logging.INFO)
    library.addHandler(ConnectionLog())
    with told(place.url):
        run(lambda: _listen(place.night(Role.BOT, cursors), json_only=json_only))


async def _listen(night: GameNight, *, json_only: bool) -> None:
    async for event in night.events():
        click.echo(as_json(members(event)) if json_only else as_line(event))
