"""``python -m infra provision``: everything around the functions, after which ``chalice deploy`` works."""

import click

from infra.cli.stage_options import on_a_stage, shaping
from infra.deploy.provision import provision
from infra.deploy.target import Target


@click.command()
@on_a_stage
@shaping
def command(target: Target) -> None:
    """Create or update what a stage has around its functions.

    That is one CloudFormation stack (tables, queues, roles, logs, alarms, a dashboard), the secret that
    tokens are signed with, and the stage's entry in .chalice/config.json. It can be run again at any time.
    """
    provision(target)
    stage = target.stage.name
    click.echo(f"\n`chalice deploy --stage {stage}` works now; `python -m infra deploy` does the rest too.")
