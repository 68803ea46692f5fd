"""``python -m infra package``: build what is uploaded, and show what is in it."""

import click

from infra.cli.stage_options import PROJECT
from infra.deploy.chalice.package import build


@click.command()
@click.option("--architecture", type=click.Choice(["arm64", "x86_64"]), default="arm64", show_default=True)
def command(architecture: str) -> None:
    """Build the deployment package and show its size, by what is in it. Asks nothing of AWS."""
    package = build(PROJECT, architecture)
    click.echo(f"{'':28} {'zipped':>10} {'unzipped':>10}")
    total = 0
    for name, (zipped, unzipped) in package.contents().items():
        total += unzipped
        click.echo(f"{name:28} {zipped:10,} {unzipped:10,}")
    click.echo(f"{'the package, bytes':28} {package.size:10,} {total:10,}")
    click.echo(f"\n{package.path.relative_to(PROJECT)}")
