"""``gamenight stage notify``: tells people of events by mail."""

import click

from chalicelib.nights.events import EventType
from infra.cli.options import answer, examples
from infra.cli.stage.options import on_a_stage
from infra.deploy.events import PENDING, notified, stop_notifying
from infra.deploy.events import notify as notify_of
from infra.deploy.target import Target

EMAIL = click.option("--email", required=True, metavar="ADDRESS", help="Whom to tell.")


@click.group(epilog=examples("stage notify add --stage dev --email someone@example.org"))
def notify() -> None:
    """Tell people of events by mail.

    The stage needs an event bus: `gamenight stage deploy --events`.
    """


@notify.command(
    epilog=examples(
        "stage notify add --stage dev --email someone@example.org",
        "stage notify add --stage dev --email someone@example.org --event session.ended",
    )
)
@on_a_stage
@EMAIL
@click.option(
    "--event",
    type=click.Choice([one.value for one in EventType]),
    default=EventType.SESSION_STARTED.value,
    show_default=True,
    help="What to tell them of.",
)
def add(target: Target, *, email: str, event: str, json_only: bool) -> None:
    """Mail somebody each event of a type.

    They get a mail first, with a link to confirm that they want this.
    """
    notify_of(target, email, EventType(event))
    line = f"{email} is told of {event} once they have confirmed it: the link is in their mail."
    answer({"email": email, "event": event}, line, json_only=json_only)


@notify.command("list", epilog=examples("stage notify list --stage dev"))
@on_a_stage
def list_(target: Target, *, json_only: bool) -> None:
    """Show who is told of what."""
    found = [
        {"event": one["event"], "email": one["email"], "confirmed": one["subscription"] != PENDING}
        for one in notified(target)
    ]
    rows = [
        f"{one['event']:16} {one['email']}{'' if one['confirmed'] else '  (not confirmed)'}" for one in found
    ]
    answer({"notifications": found}, *(rows or ["Nobody is told of anything."]), json_only=json_only)


@notify.command(epilog=examples("stage notify remove --stage dev --email someone@example.org"))
@on_a_stage
@EMAIL
def remove(target: Target, *, email: str, json_only: bool) -> None:
    """Stop mailing somebody."""
    stopped = stop_notifying(target, email)
    line = f"{email} {'is no longer told of ' + ', '.join(stopped) if stopped else 'was told of nothing'}."
    answer({"email": email, "events": stopped}, line, json_only=json_only)
