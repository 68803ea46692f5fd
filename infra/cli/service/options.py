"""The options of commands that use a running service: which service, and which night."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from infra.cli.options import JSON, STATE_DIR
from infra.cli.service.target import ServiceTarget, service_at
from infra.stage_secrets import LOCAL

NIGHT = click.argument("number", metavar="[NIGHT]", type=click.IntRange(min=1), required=False)

STAGE = click.option(
    "--stage",
    metavar="NAME",
    help="A stage that was deployed from here; local is the gateway on this machine.  [default: local]",
)
URL = click.option(
    "--url",
    metavar="URL",
    help="A service's address without /api, in place of --stage. Its token is in GAMENIGHT_TOKEN.",
)


def on_a_service(run: Callable[..., None]) -> Callable[..., None]:
    """Give a command --stage, --url, --state-dir and --json; call it with the service that they name."""

    @STAGE
    @URL
    @STATE_DIR
    @JSON
    @wraps(run)
    def command(stage: str | None, url: str | None, state_dir: Path, **options: Any) -> None:
        run(named_service(stage, state_dir, url), **options)

    return command


def named_service(stage: str | None, state_dir: Path, url: str | None) -> ServiceTarget:
    """Return the service that the options name. Raises UsageError where they name two, and ServiceProblem."""
    if stage is not None and url is not None:
        raise click.UsageError(f"Which one: --stage {stage} or --url {url}? Leave out the other.")
    return service_at(stage or LOCAL, state_dir, url)
