"""``gamenight night``: starts, lists, shows and ends nights."""

from contextlib import suppress
from typing import Any

import click
from announcements import on_one_line, results

from chalicelib.auth.claims import Role
from chalicelib.limits import MAX_PAGE
from infra.cli.options import Number, answer, as_json, examples, text_argument
from infra.cli.service.format import as_row, games
from infra.cli.service.target import NIGHT, ServiceProblem, ServiceTarget, on_a_service


@click.group(epilog=examples('night start "Friday Game Night"', "night show", "night end"))
def night() -> None:
    """Start, list, show and end game nights."""


@night.command(epilog=examples('night start "Friday Game Night"', "night start --stage dev --json"))
@text_argument("notes", required=False)
@on_a_service
def start(service: ServiceTarget, notes: str | None, *, json_only: bool) -> None:
    """Start a game night. Every connected bot gets the event.

    NOTES is what you want to say about the night, such as its name.
    """
    started = service.ask(Role.ADMIN, "POST", "/api/sessions", {"notes": notes})
    said = f": {on_one_line(notes)}" if notes else ""
    answer(started, f"🎮 Night #{started['id']} has started{said}", json_only=json_only)


@night.command("list", epilog=examples("night list", "night list --last 100 --active --json"))
@click.option(
    "--last",
    type=Number(min=1),
    default=20,
    show_default=True,
    help="How many to list at most, the newest.",
)
@click.option("--active", is_flag=True, help="Of these, list only the active ones.")
@on_a_service
def list_nights(service: ServiceTarget, *, last: int, active: bool, json_only: bool) -> None:
    """List game nights, the newest last."""
    shown = [one for one in _newest(service, last) if one["is_active"] or not active]
    for one in shown:
        answer(one, as_row(one), json_only=json_only)
    if not shown and not json_only:
        click.echo("There are no nights. `gamenight night start` starts one.")


@night.command(epilog=examples("night show", "night show 17 --stage dev --json"))
@NIGHT
@on_a_service
def show(service: ServiceTarget, number: int | None, *, json_only: bool) -> None:
    """Show a night with its games and their scores, the best game first.

    NIGHT is the night's number. The default is the newest active night.
    """
    shown = whole_night(service, number)
    answer(shown, *_with_results(as_row(shown), shown), json_only=json_only)


@night.command(epilog=examples("night end", "night end 17 --stage dev"))
@NIGHT
@on_a_service
def end(service: ServiceTarget, number: int | None, *, json_only: bool) -> None:
    """End a game night, and show how its games did.

    NIGHT is the night's number. The default is the newest active night.
    """
    number = number or active_night(service)
    ended = service.ask(Role.ADMIN, "POST", f"/api/sessions/{number}/close")
    if json_only:
        click.echo(as_json(ended))
        return
    over = f"🌙 Night #{number} is over: {games(ended['games_played'])}"
    click.echo("\n".join(_with_results(over, whole_night(service, number))))
    with suppress(ServiceProblem):  # usually no other night is active
        click.echo(f"Night #{active_night(service)} is still active.")


def active_night(service: ServiceTarget) -> int:
    """Return the newest active night's number. Raises ServiceProblem if no night is active."""
    try:
        active = service.ask(Role.BOT, "GET", "/api/sessions/active")
    except ServiceProblem as problem:
        if problem.code != "no_active_session":
            raise
        raise ServiceProblem(
            problem.code, "No night is on. `gamenight night start` starts one.", problem.status
        ) from problem
    return int(active["id"])


def whole_night(service: ServiceTarget, number: int | None) -> Any:
    """Return a night with its games. None means the newest active night. Raises ServiceProblem."""
    return service.ask(Role.BOT, "GET", f"/api/sessions/{number or active_night(service)}")


def _with_results(heading: str, shown: Any) -> list[str]:
    return [heading, *(f"   {line}" for line in results(shown))]


def _newest(service: ServiceTarget, count: int) -> list[Any]:
    """Return the newest nights, oldest first."""
    if count <= MAX_PAGE:
        page = service.ask(Role.BOT, "GET", f"/api/sessions?newest={count}")
        return list(reversed(page["sessions"]))
    found: list[Any] = []
    cursor = ""
    while True:
        page = service.ask(Role.BOT, "GET", f"/api/sessions?since={cursor}&limit={MAX_PAGE}")
        if not page["sessions"]:
            return found[-count:]
        found += page["sessions"]
        cursor = page["cursor"]
