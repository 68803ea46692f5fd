"""What the commands that use a running service have in common: their options, and errors for machines."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from infra.commands.local_state import STATE_DIR
from infra.service.place import place_of
from infra.service.printed import as_json
from infra.stage_secrets import LOCAL

JSON = click.option(
    "--json",
    "json_only",
    is_flag=True,
    help="For machines: one JSON object a line, errors on standard error.",
)

WHERE = (
    click.option(
        "--stage",
        default=LOCAL,
        show_default=True,
        metavar="NAME",
        help="The local gateway's, or a stage that was deployed from here.",
    ),
    click.option(
        "--url", metavar="URL", help="An address in its place, without /api. Its token is in GAMENIGHT_TOKEN."
    ),
    STATE_DIR,
)


def on_a_service(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command --stage, --url and --state-dir, and call it with the place that they name."""

    @with_json
    @wraps(run)
    def command(stage: str, url: str | None, state_dir: Path, **options: Any) -> None:
        run(place_of(stage, state_dir, url), **options)

    for option in reversed(WHERE):
        command = option(command)
    return command


def with_json(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command --json, and then tell its errors in JSON too."""

    @JSON
    @wraps(run)
    def command(*, json_only: bool, **options: Any) -> None:
        try:
            run(json_only=json_only, **options)
        except click.ClickException as error:
            if not json_only:
                raise
            told = {"code": getattr(error, "code", "failed"), "message": error.format_message()}
            click.echo(as_json({"error": told}), err=True)
            raise SystemExit(error.exit_code) from error

    return command
