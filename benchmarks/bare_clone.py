"""How long a newcomer waits: `make run` until it serves and `make test` until it is green, in a bare clone.

    python -m benchmarks.bare_clone

The clone is of the commit that is checked out. Caches of pip and uv are empty.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import click

ROOT = Path(__file__).parents[1]
PORT = 5990
POLL_SECONDS = 0.05


@click.command()
def main() -> None:
    """Clone, run, test, and print how long each took."""
    with tempfile.TemporaryDirectory() as folder:
        clone, home = Path(folder) / "clone", Path(folder) / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        caches = {"HOME": str(home), "PIP_CACHE_DIR": f"{home}/pip", "UV_CACHE_DIR": f"{home}/uv"}
        environment = {**os.environ, **caches}
        click.echo(f"make run serves after {until_it_serves(clone, environment):.0f} s")
        click.echo(f"make test is green after {until_green(clone, environment):.0f} s more")


def until_it_serves(clone: Path, environment: Mapping[str, str]) -> float:
    """Return the seconds until a request is answered."""
    begun = time.monotonic()
    with subprocess.Popen(
        ["make", "run", f"PORT={PORT}"],
        cwd=clone,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=sys.stderr,
        start_new_session=True,
    ) as gateway:
        while not answers():
            if gateway.poll() is not None:
                raise click.ClickException("make run has ended.")
            time.sleep(POLL_SECONDS)
        seconds = time.monotonic() - begun
        os.killpg(gateway.pid, signal.SIGINT)
    return seconds


def answers() -> bool:
    """Say whether there is an answer, which is a refusal: the request has no token."""
    with suppress(OSError):
        try:
            urlopen(f"http://localhost:{PORT}/api/sessions").close()
        except HTTPError:
            return True
    return False


def until_green(clone: Path, environment: Mapping[str, str]) -> float:
    """Return the seconds that the fast suites take, with what they need installed meanwhile."""
    begun = time.monotonic()
    subprocess.run(["make", "test"], cwd=clone, env=environment, stdout=sys.stderr, check=True)
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
