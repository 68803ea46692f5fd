"""``python -m infra tables``: what a small night leaves in the tables, and what each access costs."""

import tempfile
from pathlib import Path

import click

from infra.local.engine.embedded import EngineError, embedded_engine
from infra.local.engine.endpoints import Endpoints, point_the_sdks_at, sdk_variables
from infra.local.state import StateDir
from infra.specifications.tables import example_night, show

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


@click.command()
@click.argument("what", type=click.Choice(["items", "costs", "page"]))
def command(what: str) -> None:
    """Play a small night on an engine of its own, and print what is in the tables or what it took.

    `page` writes both into docs/tables.md.
    """
    try:
        with tempfile.TemporaryDirectory() as folder, embedded_engine(StateDir(Path(folder)), _say) as url:
            point_the_sdks_at(sdk_variables(Endpoints(url, url)))
            played = example_night.play(url)
    except EngineError as error:
        raise click.ClickException(str(error)) from error
    shown = {"items": show.items(played.items), "costs": show.costs(played.costs)}
    if what != "page":
        click.echo(shown[what])
        return
    for each, text in shown.items():
        PAGE.write_text(show.page(PAGE.read_text(), each, text))
    click.echo(f"Wrote {PAGE}.")


def _say(text: str) -> None:
    click.echo(text, err=True)
