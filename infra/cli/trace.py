"""``python -m infra trace``: one event's way, from its request to each delivery."""

from pathlib import Path

import click

from infra.cli.local_state import STATE_DIR
from infra.deploy.trace.query import Query
from infra.deploy.trace.render import as_json, as_text
from infra.deploy.trace.sources import CloudWatchLogs, LocalLog, Source, lines_about
from infra.deploy.trace.timeline import timeline_of
from infra.local.deployment import STAGE
from infra.local.log_file import LogFile
from infra.local.state import StateDir


@click.command()
@click.argument("event")
@click.option("--stage", default=STAGE, show_default=True, help="Where it happened.")
@click.option("--session", type=click.IntRange(min=1), default=None, help="Its session; then EVENT may be 3.")
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    default=24.0,
    show_default=True,
    help="How far back to look, on AWS.",
)
@click.option("--json", "for_program", is_flag=True, help="One JSON object, with all ids in full.")
@STATE_DIR
def command(  # noqa: PLR0913 - one for each option
    *, event: str, stage: str, session: int | None, hours: float, for_program: bool, state_dir: Path
) -> None:
    """Follow an event through the logs: its request, its commit, the stream, each delivery.

    EVENT is SESSION/NUMBER, such as 17/3, or a cursor that a client was given.
    """
    wanted = Query.parse(event, session or 0)
    if stage == STAGE:
        found = lines_about(wanted, LocalLog(LogFile(StateDir(state_dir).log)))
    else:
        # Imported here: the local stage needs no AWS SDK.
        from infra.deploy.errors import explained  # noqa: PLC0415

        with explained():
            found = lines_about(wanted, _on_aws(stage, hours))
    timeline = timeline_of(found)
    click.echo(as_json(timeline) if for_program else as_text(timeline))


def _on_aws(stage: str, hours: float) -> Source:
    from infra.deploy.aws import Aws  # noqa: PLC0415
    from infra.deploy.stage import Stage  # noqa: PLC0415

    named = Stage(stage)  # checked before anybody is asked
    return CloudWatchLogs(Aws.connect().client("logs"), named, hours)
