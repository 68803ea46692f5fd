"""``python -m infra deploy``: a stage, from nothing or from whatever is there, to one that serves."""

import click

from infra.cli.stage_options import on_a_stage, shaping
from infra.deploy.deploy import deploy
from infra.deploy.target import Target


@click.command()
@on_a_stage
@shaping
def command(target: Target) -> None:
    """Deploy a stage: provision, `chalice deploy`, and what Chalice can't do.

    It can be run again at any time: what is as declared is left alone, what differs is changed, and after a
    failure half way it goes on from there. It ends when the deployed health check answers.
    """
    deployed = deploy(target)
    click.echo(f"\n{'Deployed' if deployed.changed else 'Nothing had changed'}.")
    click.echo(f"The page   {deployed.page_url}")
    click.echo(f"REST       {deployed.rest_url}")
    click.echo(f"WebSocket  {deployed.websocket_url}")
    click.echo(f"A token    python -m infra token --stage {target.stage.name} --role admin")
