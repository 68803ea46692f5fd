"""``python -m infra restored``: take a sessions table that was restored into use."""

import click

from infra.cli.operated import on_an_operated_stage
from infra.deploy.aws import Clock
from infra.deploy.operate.restored import take_into_use
from infra.deploy.operate.stage import OperatedStage
from infra.deploy.progress import Progress


@click.command()
@on_an_operated_stage
@click.option("--yes", is_flag=True, help="Don't ask.")
def command(stage: OperatedStage, *, yes: bool) -> None:
    """Take a sessions table that was restored from a backup into use.

    Switches on what a restore leaves off, gives every stream a new epoch, so that cursors from before are
    recognised, and closes all connections, so that their clients come back. docs/operations.md has the whole
    procedure, of which this is one step.
    """
    if not yes:
        click.confirm(f"No client of {stage.name} will be able to resume where it was. Go on?", abort=True)
    take_into_use(stage, Progress(), Clock())
    if stage.name != "local":
        click.echo(
            f"\nNow: python -m infra deploy --stage {stage.name}, which follows the table's new stream."
        )
