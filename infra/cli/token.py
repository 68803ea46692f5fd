"""``gamenight token``: prints a token and nothing else, so that a script can use the output."""

from pathlib import Path

import click

from chalicelib.auth.claims import Role
from chalicelib.limits import (
    ADMIN_TOKEN_SECONDS,
    BOT_TOKEN_SECONDS,
    MAX_ADMIN_TOKEN_SECONDS,
    MAX_TOKEN_SECONDS,
)
from infra.cli.options import JSON, STAGE, STATE_DIR, answer, examples
from infra.stage_secrets import minted

MAX_SECONDS = {Role.ADMIN: MAX_ADMIN_TOKEN_SECONDS, Role.BOT: MAX_TOKEN_SECONDS}
DEFAULT_SECONDS = {Role.ADMIN: ADMIN_TOKEN_SECONDS, Role.BOT: BOT_TOKEN_SECONDS}


@click.command(epilog=examples("token --role bot", "token --role admin --sub alice --ttl 3600 --stage dev"))
@STAGE
@click.option("--role", type=click.Choice(["admin", "bot"]), required=True, help="What the token allows.")
@click.option("--sub", metavar="NAME", help="The name in the token.  [default: the role]")
@click.option(
    "--ttl",
    type=int,
    metavar="SECONDS",
    help="Seconds until it expires: at most a day for an admin, and a year for a bot. A negative number "
    "makes an expired token.  [default: 12 hours for an admin, 7 days for a bot]",
)
@STATE_DIR
@JSON
def token(  # noqa: PLR0913 - one for each option
    *, stage: str, role: str, sub: str | None, ttl: int | None, state_dir: Path, json_only: bool
) -> None:
    """Print a token and nothing else.

    For a stage on AWS you need the right to read its secret. Anyone with that secret can act as any user.
    """
    holder = Role(role)
    seconds = DEFAULT_SECONDS[holder] if ttl is None else ttl
    if seconds > MAX_SECONDS[holder]:
        raise click.BadParameter(
            f"a token of the role {role} can last {MAX_SECONDS[holder]} seconds at most.",
            param_hint="--ttl",
        )
    made = minted(stage, state_dir, sub or role, holder, seconds)
    value = {"token": made, "stage": stage, "role": role, "sub": sub or role, "ttl_seconds": seconds}
    answer(value, made, json_only=json_only)
