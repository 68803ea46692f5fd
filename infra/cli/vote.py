"""``python -m infra vote``: vote in somebody's name."""

import click

from chalicelib.auth.claims import Role
from infra.cli.examples import examples
from infra.cli.service.format import answer
from infra.cli.service.library import on_one_line, score
from infra.cli.service.target import ServiceTarget
from infra.cli.service_options import on_a_service
from infra.cli.session import active_session


@click.command(epilog=examples("vote alice up", "vote bob down --session 17 --game 2 --json"))
@click.argument("username")
@click.argument("way", type=click.Choice(["up", "down"]))
@click.option("--session", "session_id", type=click.IntRange(min=1), help="[default: the newest active one]")
@click.option("--game", "game_id", type=click.IntRange(min=1), help="[default: the night's newest one]")
@on_a_service
def command(  # noqa: PLR0913 - one for each option
    place: ServiceTarget,
    *,
    username: str,
    way: str,
    session_id: int | None,
    game_id: int | None,
    json_only: bool,
) -> None:
    """Vote for a game of a night, in somebody's name.

    Everybody has one vote for each game; the latest counts.
    """
    number = session_id or active_session(place)
    body = {"username": username, "type": way, **({} if game_id is None else {"game_id": game_id})}
    counted = place.ask(Role.BOT, "POST", f"/api/sessions/{number}/votes", body)
    title, totals = on_one_line(counted["game"]["title"]), counted.get("totals")
    line = f"🗳️  the vote for {title} is counted in a moment: many are voting"
    if totals is not None:
        ways = f"{totals['upvotes']} up, {totals['downvotes']} down"
        line = f"🗳️  {title} stands at {score(totals)} ({ways})"
    answer(counted, [line], json_only=json_only)
