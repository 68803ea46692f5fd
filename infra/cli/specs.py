"""``python -m infra specs``: write the specifications that are served, as the code is now."""

import click

from infra.specifications import protocol
from infra.specifications.files import documents, drifted, write


@click.command()
@click.option(
    "--check", is_flag=True, help="Write nothing; fail where what is there is not what would be made."
)
def command(*, check: bool) -> None:
    """Write chalicelib/api/specifications, and the tables of docs/protocol.md, from the code."""
    made = documents()
    prose = protocol.PAGE.read_text(encoding="utf-8")
    if not check:
        for path in write(made):
            click.echo(f"Wrote {path}.")
        protocol.PAGE.write_text(protocol.page(prose, made), encoding="utf-8")
        click.echo(f"Wrote {protocol.PAGE}.")
        return
    names = drifted(made) + [protocol.PAGE.name] * (protocol.page(prose, made) != prose)
    if names:
        raise click.ClickException(f"{', '.join(names)}: not what the code says now. Run `make specs`.")
    click.echo("The specifications are what the code says.")
