"""``python -m infra specs``: write the specifications that are served, as the code is now."""

import click

from infra.specifications.files import documents, drifted, write


@click.command()
@click.option(
    "--check", is_flag=True, help="Write nothing; fail where what is there is not what would be made."
)
def command(*, check: bool) -> None:
    """Write chalicelib/specifications from the code."""
    made = documents()
    if not check:
        for path in write(made):
            click.echo(f"Wrote {path}.")
        return
    names = drifted(made)
    if names:
        raise click.ClickException(f"{', '.join(names)}: not what the code says now. Run `make specs`.")
    click.echo("The specifications are what the code says.")
