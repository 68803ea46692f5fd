"""``python -m infra rehearse``: deploy, try, change and take down, on this machine."""

import click

from infra.deploy.progress import Progress
from infra.deploy.rehearse.sandbox import rehearsal
from infra.signals import exit_by_signals


@click.command()
def command() -> None:
    """Rehearse a deployment on this machine, against an emulator of AWS.

    Nothing is needed but what `make install` brings, no AWS account is touched, and nothing is left behind.
    """
    # Ended by a signal it cleans up as it does after Ctrl-C.
    exit_by_signals()
    with rehearsal(Progress()) as whole:
        whole.run()
    click.secho("\nThe rehearsal went well.", bold=True)
