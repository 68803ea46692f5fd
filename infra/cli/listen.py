"""``gamenight listen``: shows the events of all nights."""

import asyncio
import logging
from pathlib import Path

import click
from gamenight import GameNight

from chalicelib.auth.claims import Role
from infra.cli.options import as_json, examples
from infra.cli.service.format import ConnectionLog, as_line, members
from infra.cli.service.target import ServiceTarget, on_a_service, translated


@click.command(
    epilog=examples("listen", "listen --stage dev --cursors dev.json", "listen --json 2>/dev/null | jq .data")
)
@click.option(
    "--cursors",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep the position in this file. The next start continues there and misses nothing.",
)
@on_a_service
def listen(service: ServiceTarget, cursors: Path | None, *, json_only: bool) -> None:
    """Show what happens in all game nights, as it happens, until Ctrl-C.

    It follows the active nights and every night that starts. When the connection breaks, it reconnects and
    shows what it missed. Events go to standard output, messages about the connection to standard error.
    """
    library = logging.getLogger("gamenight")
    library.setLevel(logging.INFO)
    library.addHandler(ConnectionLog())
    with translated(service.url, service.stage):
        asyncio.run(_show(service.night(Role.BOT, cursors), json_only=json_only))


async def _show(night: GameNight, *, json_only: bool) -> None:
    async for event in night.events():
        click.echo(as_json(members(event)) if json_only else as_line(event))
