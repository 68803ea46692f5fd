"""``gamenight demo``: plays a scripted night."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import click

from infra import ROOT
from infra.cli.options import JSON, STATE_DIR, examples
from infra.cli.service.demo import play
from infra.cli.service.target import STAGE, URL, ServiceProblem, ServiceTarget, named_service, translated
from infra.signals import exit_by_signals, put_off

STOP_SECONDS = 20.0
POLL_SECONDS = 0.05


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
    help="Seconds between two steps, so that you can read along.",
)
@JSON
def demo(  # noqa: PLR0913 - one for each option
    *, stage: str | None, url: str | None, state_dir: Path, own: bool, pace: float, json_only: bool
) -> None:
    """Play a night with a few bots, for a first look.

    A host starts a night and adds games. Bots get the events and vote. One of them closes her laptop and
    comes back. The demo uses the gateway of `make run`, or starts its own if none is running. With --json it
    prints only the events that the announcer gets.
    """
    exit_by_signals()  # so that a signal stops the gateway too, as Ctrl-C does
    with ExitStack() as stack:
        found = None if own else _running(stage, state_dir, url)
        service = found or stack.enter_context(_own_gateway())
        stack.enter_context(translated(service.url, service.stage))
        asyncio.run(play(service, pace, own=found is None, json_only=json_only))


def _running(stage: str | None, state_dir: Path, url: str | None) -> ServiceTarget | None:
    """Return the service that the options name, or None if no local one is running."""
    try:
        return named_service(stage, state_dir, url)
    except ServiceProblem as problem:
        if problem.code != "not_running":
            raise
        return None


@contextmanager
def _own_gateway() -> Iterator[ServiceTarget]:
    """Run a gateway on a free port, with a temporary state folder, until the end of the block."""
    click.secho("Starting a gateway...", dim=True, err=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="game-night-live-")))
        log = folder / "gateway.log"
        command = [sys.executable, "-m", "infra.cli", "serve", "--port", "0", "--state-dir", str(folder)]
        with log.open("wb") as output, put_off():
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its own session, so that Ctrl-C first ends the demo, and the demo ends the gateway.
                start_new_session=True,
            )
            stack.callback(_stop, process)
        yield _served(process, folder, log)


def _served(process: "subprocess.Popen[bytes]", state: Path, log: Path) -> ServiceTarget:
    """Wait until a gateway serves, and return it."""
    while process.poll() is None:
        with suppress(ServiceProblem):
            return named_service(None, state, None)
        time.sleep(POLL_SECONDS)
    said = log.read_text(errors="replace").strip()
    raise click.ClickException(f"The gateway did not start. It said:\n{said}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()  # not SIGINT, which it ignores if this runs in the background
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
