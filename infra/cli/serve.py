"""``gamenight serve``: runs the local gateway until Ctrl-C."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from chalicelib.settings import Settings, SettingsError
from infra.cli.options import JSON, STATE_DIR, Number, Run, answer, examples
from infra.local.apigateway.limits import Limits
from infra.local.apigateway.server import ADDRESSES, PortInUse
from infra.local.engine.embedded import EngineError
from infra.local.serve import SCHEDULE_SECONDS, Options
from infra.local.serve import serve as serve_locally
from infra.local.state import StateDir, StateInUse, StateUnusable, write_whole
from infra.signals import exit_by_signals

DEFAULTS = Limits()


def _seconds(flag: str, default: float, told: str) -> Callable[[Run], Run]:
    variable = "GATEWAY_" + flag.removeprefix("--").replace("-", "_").upper()
    above_0 = click.FloatRange(min=0, min_open=True)
    shown: dict[str, Any] = {"show_default": True, "show_envvar": True}
    return click.option(flag, type=above_0, default=default, envvar=variable, help=told, **shown)


@click.command(
    epilog=examples("serve", "serve --host 0.0.0.0", "serve --port 0 --state-dir my-nights --json")
)
@click.option("--port", type=Number(0, 65535), default=5000, show_default=True, help="0 means a free port.")
@click.option(
    "--host",
    type=click.Choice([*ADDRESSES]),
    default="localhost",
    show_default=True,
    envvar="GATEWAY_HOST",
    show_envvar=True,
    help="0.0.0.0 also serves other devices in the network, such as a phone.",
)
@STATE_DIR
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write once it serves: JSON with rest_url, websocket_url, dynamodb_url, sqs_url.",
)
@_seconds("--idle-timeout", DEFAULTS.idle_seconds, "Seconds after which a silent connection is closed.")
@_seconds("--max-age", DEFAULTS.age_seconds, "Seconds after which any connection is closed.")
@_seconds("--sweep-interval", SCHEDULE_SECONDS, "Seconds between two sweeps, which handle expired deadlines.")
@JSON
def serve(  # noqa: PLR0913 - one for each option
    *,
    port: int,
    host: str,
    state_dir: Path,
    ready_file: Path | None,
    idle_timeout: float,
    max_age: float,
    sweep_interval: float,
    json_only: bool,
) -> None:
    """Serve http and ws on this machine, until Ctrl-C.

    --json prints what --ready-file writes. AWS_ENDPOINT_URL_DYNAMODB is the address of a DynamoDB to use
    instead of the embedded one. The log is short on a terminal, and JSON elsewhere; LOG_FORMAT=json or
    LOG_FORMAT=text overrides that.
    """
    # During the start a signal ends everything started so far. Later the gateway handles signals itself.
    exit_by_signals()
    dynamodb = os.environ.get("AWS_ENDPOINT_URL_DYNAMODB") or None
    if dynamodb and not re.fullmatch(r"https?://[\w.\-\[\]:]+/?", dynamodb):
        message = f"AWS_ENDPOINT_URL_DYNAMODB is {dynamodb!r}, not an address such as http://localhost:8000."
        raise click.UsageError(message)
    if ready_file:
        if not ready_file.absolute().parent.is_dir():
            raise click.BadParameter(f"There is no folder {ready_file.parent}.", param_hint="--ready-file")
        ready_file.unlink(missing_ok=True)  # it may be an earlier gateway's

    def say(text: str) -> None:
        if not json_only:
            click.echo(text)

    def announce(addresses: Mapping[str, str], banner: str) -> None:
        if ready_file:
            write_whole(ready_file, addresses)
        answer(addresses, banner, json_only=json_only)

    options = Options(
        port,
        StateDir(state_dir),
        Limits(idle_seconds=idle_timeout, age_seconds=max_age),
        dynamodb,
        sweep_interval,
        host,
    )
    try:
        Settings.from_env()  # finds invalid settings before any process inherits them
        serve_locally(options, say, announce)
    except (EngineError, PortInUse, SettingsError, StateInUse, StateUnusable) as error:
        raise click.ClickException(str(error)) from error
    kept = options.dynamodb or os.path.relpath(state_dir)
    click.echo(f"Stopped. All data is in {kept}.", err=True)
