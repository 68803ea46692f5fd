"""``gamenight stage rehearse``: deploy, try, change and take down, on this machine."""

import click

from infra.cli.options import JSON, answer, examples
from infra.deploy.progress import Progress
from infra.deploy.rehearse.sandbox import rehearsal
from infra.signals import exit_by_signals


@click.command(epilog=examples("stage rehearse"))
@JSON
def rehearse(*, json_only: bool) -> None:
    """Rehearse a deployment on this machine.

    It runs against an emulator of AWS and takes some minutes. No AWS account is touched, and nothing is left
    behind.
    """
    # A signal makes it clean up, as Ctrl-C does.
    exit_by_signals()
    with rehearsal(Progress(err=json_only)) as whole:
        whole.run()
    answer({"rehearsed": True}, click.style("\nThe rehearsal went well.", bold=True), json_only=json_only)
