"""``gamenight demo``: a scripted night, for a first look."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from infra.cli.options import JSON, STATE_DIR, examples
from infra.cli.service.demo import play
from infra.cli.service.options import STAGE, URL, named_service
from infra.cli.service.own_gateway import own_gateway
from infra.cli.service.target import ServiceProblem, ServiceTarget, service_at, translated
from infra.event_loop import run
from infra.signals import exit_by_signals
from infra.stage_secrets import LOCAL


@click.command(epilog=examples("demo", "demo --pace 0 --json", "demo --stage dev"))
@STAGE
@URL
@STATE_DIR
@click.option("--own", is_flag=True, help="Start a gateway of its own, even if one is running.")
@click.option(
    "--pace",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Seconds between two steps, to read along.",
)
@JSON
def demo(  # noqa: PLR0913 - one for each option
    *, stage: str | None, url: str | None, state_dir: Path, own: bool, pace: float, json_only: bool
) -> None:
    """Play a night with a few bots, for a first look.

    A host starts a night and adds games. Bots get the events and vote; one of them closes her laptop and
    comes back. The demo uses the gateway of `make run`, or starts its own if none is running. With --json it
    prints only the events that the announcer gets.
    """
    # A signal ends its gateway too, as Ctrl-C does.
    exit_by_signals()

    with _service(stage, state_dir, url, own=own) as service, translated(service.url):
        run(lambda: play(service, pace, json_only=json_only))


@contextmanager
def _service(stage: str | None, state_dir: Path, url: str | None, *, own: bool) -> Iterator[ServiceTarget]:
    """Yield the service that the options name, or a gateway of its own if no local one is running."""
    if not own:
        try:
            service = named_service(stage, state_dir, url)
        except ServiceProblem as problem:
            if problem.code != "not_running":
                raise
        else:
            yield service
            return
    click.secho("Starting a gateway...", dim=True, err=True)
    with own_gateway() as state:
        yield service_at(LOCAL, state, None)
