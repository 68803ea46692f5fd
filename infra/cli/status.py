"""``python -m infra status``: what is deployed, and how it differs from what is declared here."""

import click

from infra.cli.stage_options import on_a_stage
from infra.deploy.status import show
from infra.deploy.target import Target


@click.command()
@on_a_stage
@click.option("--check", is_flag=True, help="Exit with 1 where anything differs.")
def command(target: Target, *, check: bool) -> None:
    """Show what is deployed: versions, tables, queues, and what differs from here."""
    if not show(target) and check:
        raise SystemExit(1)
