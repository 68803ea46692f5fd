"""``python -m infra session``: start a night, end it, list them."""

from contextlib import suppress
from typing import Any

import click

from chalicelib.auth.claims import Role
from chalicelib.limits import MAX_PAGE
from infra.cli.examples import examples
from infra.cli.service.format import answer, as_json, as_row, games
from infra.cli.service.library import on_one_line, results
from infra.cli.service.target import ServiceProblem, ServiceTarget
from infra.cli.service_options import on_a_service


@click.group(epilog=examples('session start "Friday Game Night"', "session list --active", "session close"))
def command() -> None:
    """Start a game night, end it, or list them."""


@command.command(epilog=examples('session start "Friday Game Night"', "session start --stage dev --json"))
@click.argument("notes", required=False)
@on_a_service
def start(place: ServiceTarget, notes: str | None, *, json_only: bool) -> None:
    """Start a game night; every bot that is connected hears of it."""
    session = place.ask(Role.ADMIN, "POST", "/api/sessions", {"notes": notes})
    said = f": {on_one_line(notes)}" if notes else ""
    answer(session, [f"🎮 Session #{session['id']} has started{said}"], json_only=json_only)


@command.command(epilog=examples("session close", "session close 17 --stage dev"))
@click.argument("session_id", type=click.IntRange(min=1), required=False)
@click.option("--session", "named", type=click.IntRange(min=1), help="The same, as with `game` and `vote`.")
@on_a_service
def close(place: ServiceTarget, session_id: int | None, named: int | None, *, json_only: bool) -> None:
    """End a game night: the newest active one, or the one that is named."""
    if session_id and named and session_id != named:
        raise click.UsageError(f"Which one: {session_id} or {named}?")
    number = session_id or named or active_session(place)
    closed = place.ask(Role.ADMIN, "POST", f"/api/sessions/{number}/close")
    if json_only:
        click.echo(as_json(closed))
        return
    whole = place.ask(Role.ADMIN, "GET", f"/api/sessions/{number}")
    click.echo(f"🌙 Session #{number} is over: {games(closed['games_played'])}")
    for line in results(whole):
        click.echo(f"   {line}")
    with suppress(ServiceProblem):  # there is no other, as a rule
        click.echo(f"Session #{active_session(place)} is still active.")


@command.command("list", epilog=examples("session list", "session list --last 100 --active --json"))
@click.option(
    "--last", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many, the newest."
)
@click.option("--active", is_flag=True, help="Of those, only the ones that have not ended.")
@on_a_service
def list_sessions(place: ServiceTarget, *, last: int, active: bool, json_only: bool) -> None:
    """List game nights, the newest last."""
    shown = [one for one in _newest(place, last) if one["is_active"] or not active]
    for session in shown:
        click.echo(as_json(session) if json_only else as_row(session))
    if not shown and not json_only:
        click.echo("There are none. `python -m infra session start` starts one.")


def active_session(place: ServiceTarget) -> int:
    """Return the newest active night. Raises ServiceProblem where there is none."""
    try:
        session = place.ask(Role.BOT, "GET", "/api/sessions/active")
    except ServiceProblem as problem:
        if problem.code != "no_active_session":
            raise
        raise ServiceProblem(
            problem.code,
            "No session is active now. `python -m infra session start` starts one.",
            problem.status,
        ) from problem
    return int(session["id"])


def _newest(place: ServiceTarget, count: int) -> list[Any]:
    """Return the newest nights, oldest first."""
    if count <= MAX_PAGE:
        page = place.ask(Role.BOT, "GET", f"/api/sessions?newest={count}")
        return list(reversed(page["sessions"]))
    found: list[Any] = []
    cursor = ""
    while True:
        page = place.ask(Role.BOT, "GET", f"/api/sessions?since={cursor}&limit={MAX_PAGE}")
        if not page["sessions"]:
            return found[-count:]
        found += page["sessions"]
        cursor = page["cursor"]
