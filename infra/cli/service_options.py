"""What the commands that use a running service have in common: their options, and errors for machines.

Leaves printing those errors to the command line itself, which sees them all.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from infra.cli.local_state import STATE_DIR
from infra.cli.service.target import ServiceTarget, place_of
from infra.stage_secrets import LOCAL

JSON = click.option(
    "--json",
    "json_only",
    is_flag=True,
    help="For machines: one JSON object a line, an error on standard error.",
)

WHERE = (
    click.option(
        "--stage",
        metavar="NAME",
        help="The local gateway's, or a stage that was deployed from here.  [default: local]",
    ),
    click.option(
        "--url", metavar="URL", help="An address in its place, without /api. Its token is in GAMENIGHT_TOKEN."
    ),
    STATE_DIR,
)


def on_a_service(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command --json, --stage, --url and --state-dir, and call it with the place that they name."""

    @JSON
    @wraps(run)
    def command(stage: str | None, url: str | None, state_dir: Path, **options: Any) -> None:
        run(place_named(stage, state_dir, url), **options)

    for option in reversed(WHERE):
        command = option(command)
    return command


def place_named(stage: str | None, state_dir: Path, url: str | None) -> ServiceTarget:
    """Return the service that the options name. Raises UsageError where they name two, and ServiceProblem."""
    if stage is not None and url is not None:
        raise click.UsageError(f"Which one: --stage {stage} or --url {url}? Leave out the other.")
    return place_of(stage or LOCAL, state_dir, url)


def as_object(error: click.ClickException) -> dict[str, Any]:
    """Return what went wrong, for machines: ``code``, ``detail``, and the ``status`` where a service has one.

    A code that is neither the service's nor of ``infra.cli.service.target`` is ``usage`` or ``failed``.
    """
    otherwise = "usage" if isinstance(error, click.UsageError) else "failed"
    told = {
        "code": getattr(error, "code", otherwise),
        "detail": getattr(error, "detail", error.format_message()),
    }
    status = getattr(error, "status", None)
    return {"error": told if status is None else {**told, "status": status}}
