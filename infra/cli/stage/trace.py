"""``gamenight stage trace``: follows an event from its request to its deliveries."""

from dataclasses import asdict
from pathlib import Path

import click

from infra.cli.options import JSON, STAGE, STATE_DIR, Number, answer, examples
from infra.deploy.aws import Aws
from infra.deploy.output import explained
from infra.deploy.stage import Stage
from infra.deploy.trace.lines import CloudWatchLogs, LocalLog, Query, lines_about
from infra.deploy.trace.timeline import timeline_of
from infra.local.deployment import STAGE as LOCAL
from infra.local.log_file import LogFile
from infra.local.state import StateDir


@click.command(epilog=examples("stage trace 17/3", "stage trace 3 --night 17 --stage dev --hours 48 --json"))
@click.argument("event")
@STAGE
@click.option("--night", type=Number(min=1), help="The event's night. EVENT is then only the event's number.")
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    default=24.0,
    show_default=True,
    help="How far back to look, on AWS.",
)
@STATE_DIR
@JSON
def trace(  # noqa: PLR0913 - one for each option
    *, event: str, stage: str, night: int | None, hours: float, json_only: bool, state_dir: Path
) -> None:
    """Follow an event through the logs, from request to deliveries.

    EVENT is NIGHT/NUMBER, such as 17/3, or a cursor that a client got. With --json ids are not shortened.
    """
    wanted = Query.parse(event, night or 0)
    if stage == LOCAL:
        found = lines_about(wanted, LocalLog(LogFile(StateDir(state_dir).log)))
    else:
        named = Stage(stage)  # checks the name before any call
        with explained():
            found = lines_about(wanted, CloudWatchLogs(Aws.connect().client("logs"), named, hours))
    timeline = timeline_of(found)
    answer(asdict(timeline), timeline.as_text(), json_only=json_only)
