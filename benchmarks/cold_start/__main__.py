"""What a cold start costs, for each function, from the deployment package: `make bench-cold-start`.

Each function imports the package and handles its first event, with a stub of AWS that answers at once. It
does so in a fresh interpreter that sees nothing but the unpacked package, and may not write to it, as on
Lambda. Shown is the median CPU time above a bare interpreter, and its ratio to importing the four base
packages (chalice, boto3, pynamodb, jwt) bare in the same run. Rounds go through all candidates in turn, so
that a slow moment of the machine hits all of them. Ends with status 1 where a function is above its bar.
"""

import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import click

from benchmarks.cold_start.events import first_events
from benchmarks.cold_start.stub import running_stub
from infra.deploy.chalice.package import build

ROOT = Path(__file__).parent.parent.parent
ARCHITECTURE = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
BARS = {"api_handler": 1.2, "broadcast": 0.6}

BARE = "a bare interpreter"
BASE = "the four base packages"
KEYS = {
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONDONTWRITEBYTECODE": "1",
    "JWT_SECRET_PARAMETER": "/game-night-live/bench",
    "SESSIONS_STREAM_ARN": "arn:aws:dynamodb:us-east-1:123456789012:table/sessions/stream/now",
    "LOG_LEVEL": "ERROR",
}
ENTER = """
import app
class Context:
    def get_remaining_time_in_millis(self):
        return 60000
answer = (app.app if {name!r} == "api_handler" else app.{name})({event!r}, Context())
assert {name!r} != "api_handler" or answer["statusCode"] == 201, answer
"""
ENDS = "\nimport os, time\nos.write(2, f'\\n{time.process_time()}'.encode())\nos._exit(0)"
"""Says what has been taken, and leaves without a tidy end, which no function waits for either."""


def milliseconds(folder: Path, code: str, environment: dict[str, str]) -> float:
    """Return the CPU time of a fresh interpreter that sees only one folder of packages."""
    program = f"import sys; sys.path.append({str(folder)!r})\n{code}{ENDS}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise click.ClickException(done.stderr)
    return float(done.stderr.splitlines()[-1]) * 1000


@click.command(help=__doc__)
@click.option("--rounds", default=15, show_default=True, help="How often each is timed.")
def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch, running_stub() as stub:
        compiled, plain = Path(scratch) / "compiled", Path(scratch) / "plain"
        package = build(ROOT, ARCHITECTURE)
        for folder in (compiled, plain):
            with zipfile.ZipFile(package.path) as archive:
                archive.extractall(folder)
        for cache in [*plain.rglob("__pycache__")]:
            shutil.rmtree(cache)
        installed = Path(sysconfig.get_paths()["purelib"])
        environment = KEYS | {"AWS_ENDPOINT_URL": stub.url, "PUSH_ENDPOINT": f"{stub.url}/{{stage}}"}
        first = {name: ENTER.format(name=name, event=event) for name, event in first_events().items()}
        candidates = {
            BARE: (installed, ""),
            BASE: (installed, "import chalice, boto3, pynamodb, jwt"),
            "app.py alone": (compiled, "import app"),
            **{name: (compiled, code) for name, code in first.items()},
            **{f"{name} without byte code": (plain, first[name]) for name in BARS},
        }
        # Once with leave to write byte code: an installer may have left that to the first import.
        milliseconds(*candidates[BASE], {**environment, "PYTHONDONTWRITEBYTECODE": ""})
        taken: dict[str, list[float]] = {name: [] for name in candidates}
        for number in range(1, rounds + 1):
            for name, candidate in candidates.items():
                taken[name].append(milliseconds(*candidate, environment))
            click.echo(f"round {number} of {rounds}", err=True)
    found = {name: statistics.median(all_) for name, all_ in taken.items()}
    bare = found.pop(BARE)
    ratios = {name: (one - bare) / (found[BASE] - bare) for name, one in found.items()}
    for name, ratio in ratios.items():
        click.echo(f"{name:40}{found[name] - bare:8.1f} ms {ratio:6.2f} x base")
    missed = [name for name, bar in BARS.items() if ratios[name] > bar]
    for name, bar in BARS.items():
        click.echo(f"{name} has a bar of {bar}: {'MISSED' if name in missed else 'reached'}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
