"""``gamenight invite`` and ``gamenight revoke``: let people in, and shut them out."""

from datetime import datetime
from urllib.parse import quote

import click

from chalicelib.auth.claims import Role
from infra.cli.night import active_night
from infra.cli.options import answer, examples, text_argument
from infra.cli.service.target import NIGHT, ServiceTarget, on_a_service
from infra.local.banner import qr_code

SHARED = {
    "host": " All hosts without a name of their own are called host, and are out with it: "
    "`gamenight invite --host` makes a new link.",
    "admin": " All tokens of `gamenight token --role admin` without --sub are called admin.",
    "bot": " All tokens of `gamenight token --role bot` without --sub are called bot.",
}
"""What else a revocation means for names that tokens get by default."""


@click.command(epilog=examples("invite", "invite 17 --ttl 7200 --stage dev", "invite --host"))
@NIGHT
@click.option("--host", is_flag=True, help="Make a link that signs in a host, once, within ten minutes.")
@click.option(
    "--ttl",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="Seconds for which guests can join.  [default: 7 days]",
)
@on_a_service
def invite(
    service: ServiceTarget, number: int | None, *, host: bool, ttl: int | None, json_only: bool
) -> None:
    """Invite guests to a night by a code, or a host by a link.

    Prints the code, a link to the page with the code, and the link as a QR code. NIGHT is the night's number;
    the default is the newest active night. A code works until its night ends, and for at most 7 days. A guest
    stays signed in for 24 hours.
    """
    if host and (number or ttl):
        raise click.UsageError("--host takes neither NIGHT nor --ttl: a host's link lasts ten minutes.")
    number = None if host else number or active_night(service)
    path = "/api/invites" if host else f"/api/sessions/{number}/invites"
    made = service.ask(Role.ADMIN, "POST", path, {"ttl_seconds": ttl} if ttl else {})
    until = datetime.fromisoformat(made["expires_at"]).astimezone()
    what = "Signs in a host, once" if host else f"Code  {made['code']}  for guests of night #{number}"
    lines = [f"{what}, until {until:%Y-%m-%d %H:%M}", made["url"], "", qr_code(made["url"])]
    answer(made, *lines, json_only=json_only)


@click.command(
    epilog=examples("revoke kosmi", "revoke --guest Zoë", "revoke --guest Zoë --night 17 --stage dev")
)
@text_argument("subject", required=True)
@click.option("--guest", is_flag=True, help="SUBJECT is the name of a night's guest.")
@click.option(
    "--night",
    "number",
    type=click.IntRange(min=1),
    help="The guest's night.  [default: the newest active one]",
)
@on_a_service
def revoke(service: ServiceTarget, subject: str, *, guest: bool, number: int | None, json_only: bool) -> None:
    """Revoke the tokens of a bot, a host or a guest.

    SUBJECT is the name in the tokens. Its connections are closed. Tokens that are made later work. A guest's
    name stays taken, and the guest's votes still count.
    """
    if number and not guest:
        raise click.UsageError("--night needs --guest.")
    name = quote(subject.strip(), safe="")
    if not name:
        raise click.BadParameter("the name is empty.", param_hint="SUBJECT")
    path = (
        f"/api/sessions/{number or active_night(service)}/guests/{name}" if guest else f"/api/tokens/{name}"
    )
    service.ask(Role.ADMIN, "DELETE", path)
    shared = "" if guest else SHARED.get(name, "")
    done = f"{subject} is out: tokens issued before now are refused."
    if not guest:
        done = (
            f"Tokens issued to a bot or host called {subject} before now are refused. "
            "Whether there are any is not checked. "
            f'A guest of that name stays: `gamenight revoke --guest "{subject}"` removes a guest.{shared}'
        )
    answer({"revoked": subject}, done, json_only=json_only)
