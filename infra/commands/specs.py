"""``python -m infra specs``: write the specifications that are served, as the code is now."""

import click

from infra.specifications.files import documents, drifted, write
from infra.specifications.protocol import PAGE, page


@click.command()
@click.option(
    "--check", is_flag=True, help="Write nothing; fail where what is there is not what would be made."
)
def command(*, check: bool) -> None:
    """Write chalicelib/specifications, and the tables of docs/protocol.md, from the code."""
    made = documents()
    prose = PAGE.read_text(encoding="utf-8")
    if not check:
        for path in write(made):
            click.echo(f"Wrote {path}.")
        PAGE.write_text(page(prose, made), encoding="utf-8")
        click.echo(f"Wrote {PAGE}.")
        return
    names = drifted(made) + [PAGE.name] * (page(prose, made) != prose)
    if names:
        raise click.ClickException(f"{', '.join(names)}: not what the code says now. Run `make specs`.")
    click.echo("The specifications are what the code says.")
