"""``gamenight game`` and ``gamenight vote``: change the games of a night, and vote for them."""

from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import urlencode

import click
from announcements import on_one_line, score

from chalicelib.auth.claims import Role
from chalicelib.limits import MAX_GAMES
from infra.cli.night import active_night, whole_night
from infra.cli.options import Number, answer, as_json, examples, text_argument
from infra.cli.service.format import games, players
from infra.cli.service.game_list import read_list
from infra.cli.service.target import ServiceProblem, ServiceTarget, on_a_service

OF_NIGHT = click.option(
    "--night",
    "number",
    type=Number(min=1),
    help="The night's number.  [default: the newest active one]",
)


@click.group(epilog=examples('game add "Quiplash 3"', "game list", "game remove 2"))
def game() -> None:
    """Add games to a night, list them, and remove them."""


@game.command(
    epilog=examples(
        'game add "Quiplash 3"', 'game add "Tee K.O." --pack "Party Pack 3" --min-players 3 --night 17'
    )
)
@text_argument("title", required=True)
@OF_NIGHT
@click.option("--pack", metavar="NAME", help="The pack that the game is from.")
@click.option("--min-players", type=Number(min=1), help="How many players it needs.")
@click.option("--max-players", type=Number(min=1), help="How many players it allows.")
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
    """Add a game to a night. Everybody who follows the night gets the event."""
    if not title.strip():
        raise click.UsageError("Give the game a title.")
    number = number or active_night(service)
    said = {"pack_name": pack, "min_players": min_players, "max_players": max_players}
    body = {"title": title, **{name: value for name, value in said.items() if value is not None}}
    added = service.ask(Role.ADMIN, "POST", f"/api/sessions/{number}/games", body)
    line = f"🎲 {on_one_line(added['title'])} is game {added['id']} of night #{number}"
    answer(added, line, json_only=json_only)


@game.command("import", epilog=examples("game import games.csv", "game import games.csv --dry-run --json"))
@click.argument("file", type=click.Path(path_type=Path))
@OF_NIGHT
@click.option("--dry-run", is_flag=True, help="Only show which games it would add.")
@on_a_service
def import_games(
    service: ServiceTarget, *, file: Path, number: int | None, dry_run: bool, json_only: bool
) -> None:
    """Add the games of a CSV file to a night.

    The first line of FILE names the columns: title, pack_name, min_players and max_players, in any order.
    Only title is required. If a line is wrong, nothing is added. A title that the night already has is
    skipped, so you can repeat the command.
    """
    listed = read_list(file)
    night = whole_night(service, number)
    there, new = {_same(one["title"]) for one in night["games"]}, []
    for one in listed:
        if (key := _same(one["title"])) not in there:
            there.add(key)
            new.append(one)
        elif not json_only:
            click.echo(f"Skipped, because the night has it already: {on_one_line(one['title'])}")
    if (count := max((one["id"] for one in night["games"]), default=0) + len(new)) > MAX_GAMES:
        told = f"A night can have {MAX_GAMES} games. With this list it would have {count}. Shorten the list."
        raise ServiceProblem("too_many_games", told)
    path = f"/api/sessions/{night['id']}/games"
    for place, one in enumerate(new, 1):
        added = one if dry_run else service.ask(Role.ADMIN, "POST", path, one)
        answer(added, f"🎲 {place}/{len(new)} {on_one_line(one['title'])}", json_only=json_only)
    if not json_only:
        done = "would have" if dry_run else "has"
        click.echo(f"Night #{night['id']} {done} {games(night['games_played'] + len(new))}.")


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


@game.command(epilog=examples("game remove 2", "game remove 2 --night 17 --json"))
@click.argument("game_id", metavar="GAME", type=Number(min=1))
@OF_NIGHT
@on_a_service
def remove(service: ServiceTarget, *, game_id: int, number: int | None, json_only: bool) -> None:
    """Remove a game from a night. Its votes no longer count.

    GAME is its number, as `gamenight game list` shows it.
    """
    number = number or active_night(service)
    title = _title(whole_night(service, number), game_id)
    night = service.ask(Role.ADMIN, "DELETE", f"/api/sessions/{number}/games/{game_id}")
    line = f"🗑️  {title} is removed. Night #{number} has {games(night['games_played'])}"
    answer(night, line, json_only=json_only)


@click.command(
    epilog=examples("vote alice up", "vote bob down --night 17 --game 2 --json", "vote alice withdraw")
)
@click.argument("username")
@click.argument("way", type=click.Choice(["up", "down", "withdraw"]))
@OF_NIGHT
@click.option("--game", "game_id", type=Number(min=1), help="The game's number.  [default: the newest one]")
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
    """Vote for a game, in somebody's name, or withdraw the vote.

    Everybody has one vote for each game. The latest counts.
    """
    number = number or active_night(service)
    if way == "withdraw":
        _withdraw(service, number, game_id, username, json_only=json_only)
        return
    body = {"username": username, "type": way, **({} if game_id is None else {"game_id": game_id})}
    counted = service.ask(Role.BOT, "POST", f"/api/sessions/{number}/votes", body)
    if json_only:
        click.echo(as_json(counted))
        return
    title, totals = on_one_line(counted["game"]["title"]), counted.get("totals")
    if totals is None:
        click.echo(f"🗳️  Many are voting. The vote for {title} in night #{number} is counted in a moment")
    else:
        click.echo(f"🗳️  {title} stands at {_standing(totals)} in night #{number}")


def _withdraw(
    service: ServiceTarget, number: int, game_id: int | None, username: str, *, json_only: bool
) -> None:
    night = whole_night(service, number)
    if not (game_id or night["games"]):
        raise ServiceProblem("no_game", f"Night #{number} has no games, so there is no vote to withdraw.")
    game_id = game_id or night["games"][-1]["id"]
    whose = urlencode({"username": username})
    totals = service.ask(Role.BOT, "DELETE", f"/api/sessions/{number}/votes/{game_id}?{whose}")
    who, title = on_one_line(username), _title(night, game_id)
    answer(
        totals,
        f"🗳️  Without the vote of {who}, {title} stands at {_standing(totals)} in night #{number}",
        json_only=json_only,
    )


def _title(night: Any, game_id: int | None) -> str:
    found = (one["title"] for one in night["games"] if one["id"] == game_id)
    return on_one_line(next(found, f"game {game_id}"))


def _same(title: str) -> str:
    """Return a title in the form in which titles are compared: without regard to case."""
    return normalize("NFC", title.strip()).lower()


def _standing(totals: Any) -> str:
    return f"{score(totals)} ({totals['upvotes']} up, {totals['downvotes']} down)"
