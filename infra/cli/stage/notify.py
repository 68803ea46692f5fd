"""``gamenight stage notify``: mails people about events."""

import re

import click

from chalicelib.nights.events import EventType
from infra.cli.options import answer, examples
from infra.cli.stage.options import on_a_stage
from infra.deploy.events import PENDING, notified, stop_notifying
from infra.deploy.events import notify as notify_of
from infra.deploy.target import Target


def _address(_ctx: click.Context, _param: click.Parameter, email: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        raise click.BadParameter(f"{email!r} is no e-mail address.")
    return email


EMAIL = click.option(
    "--email", required=True, metavar="ADDRESS", callback=_address, help="The e-mail address."
)


@click.group(epilog=examples("stage notify add --stage dev --email someone@example.org"))
def notify() -> None:
    """Mail people about events.

    The stage needs an event bus, which `gamenight stage deploy --events` adds.
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
    help="The type of the events.",
)
def add(target: Target, *, email: str, event: str, json_only: bool) -> None:
    """Mail somebody each event of a type.

    The first mail has a link with which they confirm that they want this.
    """
    notify_of(target, email, EventType(event))
    line = (
        f"AWS has sent a mail to {email}. They get a mail for each {event} after they follow the link in it."
    )
    answer({"email": email, "event": event}, line, json_only=json_only)


@notify.command("list", epilog=examples("stage notify list --stage dev"))
@on_a_stage
def list_(target: Target, *, json_only: bool) -> None:
    """Show who gets mails about which events."""
    found = [
        {"event": one["event"], "email": one["email"], "confirmed": one["subscription"] != PENDING}
        for one in notified(target)
    ]
    rows = [
        f"{one['event']:16} {one['email']}{'' if one['confirmed'] else '  (not confirmed)'}" for one in found
    ]
    answer({"notifications": found}, *(rows or ["Nobody gets mails."]), json_only=json_only)


@notify.command(epilog=examples("stage notify remove --stage dev --email someone@example.org"))
@on_a_stage
@EMAIL
def remove(target: Target, *, email: str, json_only: bool) -> None:
    """Stop mailing somebody, whatever the event."""
    stopped = stop_notifying(target, email)
    gone, stranger = f"gets no more mails about {', '.join(stopped)}.", "gets no mails. Nothing was removed."
    line = f"{email} {gone if stopped else stranger}"
    answer({"email": email, "events": stopped}, line, json_only=json_only)
