"""``python -m infra rehearse``: deploy, try, change and take down, on this machine."""

import signal
import sys

import click

from infra.deployment.progress import Progress
from infra.rehearsal.premises import rehearsal


@click.command()
def command() -> None:
    """Rehearse a deployment on this machine, against an emulator of AWS.

    Nothing is needed but what `make install` brings, no AWS account is touched, and nothing is left behind.
    """
    # Ended by a signal it cleans up as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with rehearsal(Progress()) as whole:
        whole.run()
    click.secho("\nThe rehearsal went well.", bold=True)
