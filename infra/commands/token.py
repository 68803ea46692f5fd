"""``python -m infra token``: print a token and nothing else, so that a script can use the output as it is."""

from pathlib import Path

import click

from chalicelib.auth.tokens import TokenIssuer
from chalicelib.domain.identity import Role
from chalicelib.settings import Settings
from chalicelib.storage.secrets import FileSecrets
from infra.local.state import DEFAULT_STATE_DIR, StateDir

TTL_SECONDS = 7 * 24 * 60 * 60


@click.command()
@click.option("--stage", default="local", show_default=True, help="The stage that is to accept it.")
@click.option("--role", type=click.Choice(["admin", "bot"]), required=True, help="What its bearer may do.")
@click.option("--sub", help="Who its bearer is.  [default: the role]")
@click.option(
    "--ttl",
    type=int,
    default=TTL_SECONDS,
    show_default=True,
    help="Seconds until it expires; below 0 it has expired already.",
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEFAULT_STATE_DIR,
    help="The local gateway's state.  [default: .local/state]",
)
def command(stage: str, role: str, sub: str | None, ttl: int, state_dir: Path) -> None:
    """Print a token."""
    if stage != "local":
        raise click.BadParameter(
            "only tokens of the local stage can be printed so far.", param_hint="--stage"
        )
    secrets = StateDir(state_dir).token_secrets
    if not secrets.exists():
        raise click.ClickException(
            f"No gateway has been started with the state folder {state_dir} yet, so there is no secret to "
            "sign with. Start one with `make run`, or name its folder with --state-dir."
        )
    issuer = TokenIssuer(FileSecrets(secrets), Settings.from_env().jwt_issuer)
    click.echo(issuer.mint(sub or role, Role(role), ttl))
