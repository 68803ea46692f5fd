"""``python -m infra destroy``: remove a stage, after asking."""

import click

from infra.cli.stage_options import on_a_stage
from infra.deploy.destroy import destroy, left, tables_with_data
from infra.deploy.provision import check_place
from infra.deploy.target import Target


@click.command()
@on_a_stage
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--delete-data", is_flag=True, help="Delete the tables even if they hold something.")
def command(target: Target, *, yes: bool, delete_data: bool) -> None:
    """Remove everything that a stage has on AWS.

    Tables that hold data are only deleted with --delete-data, and nothing else is before that is settled.
    """
    aws, stage = target.aws, target.stage
    check_place(aws, stage, target.config)
    click.echo(f"Of the stage {stage.name} in {aws.region}, account {aws.account}, there is:")
    for line in [*left(aws, stage)] or ["nothing"]:
        target.progress.detail(line)
    full = tables_with_data(aws, stage)
    if full and not delete_data:
        raise click.ClickException(
            f"{' and '.join(full)} hold data, which would be lost. Say --delete-data if that is meant; "
            "nothing has been removed. (`aws dynamodb create-backup` keeps a copy.)"
        )
    if not yes:
        click.confirm("Remove all of it?", abort=True)
    destroy(target)
