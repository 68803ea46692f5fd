"""``gamenight stage rehearse``: deploys, tries, changes and removes a stage on this machine."""

import click

from infra.cli.options import JSON, answer, examples
from infra.deploy.output import Progress
from infra.deploy.rehearse.rehearse import rehearse as rehearse_stage
from infra.signals import exit_by_signals


@click.command(epilog=examples("stage rehearse"))
@JSON
def rehearse(*, json_only: bool) -> None:
    """Rehearse a deployment on this machine.

    It runs against an emulator of AWS and takes ten to fifteen minutes. No AWS account is touched, and
    nothing is left behind.
    """
    # so that a signal cleans up too, as Ctrl-C does
    exit_by_signals()
    rehearse_stage(Progress(err=json_only))
    answer({"rehearsed": True}, click.style("\nThe rehearsal succeeded.", bold=True), json_only=json_only)
