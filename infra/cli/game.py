"""``gamenight game`` and ``gamenight vote``: add and list the games of a night, and vote for them."""

import click
from announcements import on_one_line, score

from chalicelib.auth.claims import Role
from infra.cli.night import active_night, whole_night
from infra.cli.options import answer, as_json, examples, text_argument
from infra.cli.service.format import players
from infra.cli.service.target import ServiceTarget, on_a_service

OF_NIGHT = click.option(
    "--night",
    "number",
    type=click.IntRange(min=1),
    help="The night's number.  [default: the newest active one]",
)


@click.group(epilog=examples('game add "Quiplash 3"', "game list"))
def game() -> None:
    """Add games to a night, and list them."""


@game.command(
    epilog=examples(
        'game add "Quiplash 3"', 'game add "Tee K.O." --pack "Party Pack 3" --min-players 3 --night 17'
    )
)
@text_argument("title", required=True)
@OF_NIGHT
@click.option("--pack", metavar="NAME", help="The pack that the game is from.")
@click.option("--min-players", type=click.IntRange(min=1), help="How many players it needs.")
@click.option("--max-players", type=click.IntRange(min=1), help="How many players it allows.")
@on_a_service
def add(  # noqa: PLR0913 - one for each option
    service: ServiceTarget,
    *,
    title: str,
    number: int | None,
    pack: str | None,
    min_players: int | None,
    max_players: int | None,
    json_only: bool,
) -> None:
    """Add a game to a night; whoever follows the night hears of it."""
    number = number or active_night(service)
    said = {"pack_name": pack, "min_players": min_players, "max_players": max_players}
    body = {"title": title, **{name: value for name, value in said.items() if value is not None}}
    added = service.ask(Role.ADMIN, "POST", f"/api/sessions/{number}/games", body)
    line = f"🎲 {on_one_line(added['title'])} is game {added['id']} of night #{number}"
    answer(added, line, json_only=json_only)


@game.command("list", epilog=examples("game list", "game list --night 17 --json"))
@OF_NIGHT
@on_a_service
def list_games(service: ServiceTarget, *, number: int | None, json_only: bool) -> None:
    """List the games of a night with their scores, the newest last."""
    night = whole_night(service, number)
    for one in night["games"]:
        title = f"{on_one_line(one['title'])}{players(one)}"
        answer(one, f"{one['id']:>3}. {title}: {score(one['totals'])}", json_only=json_only)
    if not night["games"] and not json_only:
        click.echo(f"Night #{night['id']} has none. `gamenight game add TITLE` adds one.")


@click.command(epilog=examples("vote alice up", "vote bob down --night 17 --game 2 --json"))
@click.argument("username")
@click.argument("way", type=click.Choice(["up", "down"]))
@OF_NIGHT
@click.option(
    "--game", "game_id", type=click.IntRange(min=1), help="The game's number.  [default: the newest one]"
)
@on_a_service
def vote(  # noqa: PLR0913 - one for each option
    service: ServiceTarget,
    *,
    username: str,
    way: str,
    number: int | None,
    game_id: int | None,
    json_only: bool,
) -> None:
    """Vote for a game, in somebody's name.

    Everybody has one vote for each game; the latest counts.
    """
    body = {"username": username, "type": way, **({} if game_id is None else {"game_id": game_id})}
    counted = service.ask(Role.BOT, "POST", f"/api/sessions/{number or active_night(service)}/votes", body)
    if json_only:
        click.echo(as_json(counted))
        return
    title, totals = on_one_line(counted["game"]["title"]), counted.get("totals")
    if totals is None:
        click.echo(f"🗳️  the vote for {title} is counted in a moment: many are voting")
    else:
        ways = f"{totals['upvotes']} up, {totals['downvotes']} down"
        click.echo(f"🗳️  {title} stands at {score(totals)} ({ways})")
