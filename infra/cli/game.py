"""``python -m infra game``: add a game to a night."""

import click

from chalicelib.auth.claims import Role
from infra.cli.examples import examples
from infra.cli.service.format import answer
from infra.cli.service.library import on_one_line
from infra.cli.service.target import ServiceTarget
from infra.cli.service_options import on_a_service
from infra.cli.session import active_session


@click.group(epilog=examples('game add "Quiplash 3"'))
def command() -> None:
    """Add a game to a night."""


@command.command(
    epilog=examples(
        'game add "Quiplash 3"', 'game add "Tee K.O." --pack "Party Pack 3" --min-players 3 --session 17'
    )
)
@click.argument("title")
@click.option("--session", "session_id", type=click.IntRange(min=1), help="[default: the newest active one]")
@click.option("--pack", metavar="NAME", help="What the game is a part of.")
@click.option("--min-players", type=click.IntRange(min=1))
@click.option("--max-players", type=click.IntRange(min=1))
@on_a_service
def add(  # noqa: PLR0913 - one for each option
    place: ServiceTarget,
    *,
    title: str,
    session_id: int | None,
    pack: str | None,
    min_players: int | None,
    max_players: int | None,
    json_only: bool,
) -> None:
    """Add a game to a night; whoever has subscribed to it hears so."""
    number = session_id or active_session(place)
    said = {"pack_name": pack, "min_players": min_players, "max_players": max_players}
    body = {"title": title, **{name: value for name, value in said.items() if value is not None}}
    game = place.ask(Role.ADMIN, "POST", f"/api/sessions/{number}/games", body)
    line = f"🎲 {on_one_line(game['title'])} is game {game['id']} of session #{number}"
    answer(game, [line], json_only=json_only)
