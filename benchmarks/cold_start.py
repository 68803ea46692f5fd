"""What a cold start costs, for each function, from the deployment package: `python -m benchmarks.cold_start`.

Each time in a fresh interpreter that sees nothing but the unpacked package, and may not write to it, as on
Lambda. Shown is CPU time, the median over a bare interpreter, and its ratio to importing the four base
packages (chalice, boto3, pynamodb, jwt) bare in the same run. "made" is the import and making all that a
function calls, with its AWS clients, up to the first request. The last rows are the package as Chalice builds
it, whose byte code is made at each cold start. Rounds go through all candidates in turn, so that a slow
moment of the machine hits all of them.
"""

import platform
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

import click

from infra.deployment.package import build

ROOT = Path(__file__).parent.parent
ARCHITECTURE = "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONDONTWRITEBYTECODE": "1",
}
BASE = "the four base packages"
MADE = {
    "api_handler": "from chalicelib.wire import bodies; made.game_nights; made.tokens",
    "websocket_connect": "from chalicelib.api.live.answers import opened_connection; made.connections",
    "websocket_message": "from chalicelib.api.live.answers import answer; made.connections; made.push",
    "websocket_disconnect": "made.connections",
    "broadcast": "from chalicelib.aws.dynamodb.nights.stream_records import read_records; made.broadcast",
    "deliver": "from chalicelib.aws.delivery_queue import received_jobs; made.jobs",
    "sweep": "from chalicelib.api.live.notices import scheduled_at; made.sweep",
}


def seconds(folder: Path, code: str) -> float:
    """Return the CPU time of a fresh interpreter that sees only one folder of packages."""
    program = f"import sys; sys.path.append({str(folder)!r}); {code}"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-S", "-c", program], cwd=folder, env=ENVIRONMENT, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@click.command(help=__doc__)
@click.option("--rounds", default=9, show_default=True, help="How often each is timed.")
def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        compiled, plain = Path(scratch) / "compiled", Path(scratch) / "plain"
        package = build(ROOT, ARCHITECTURE)
        for folder in (compiled, plain):
            with zipfile.ZipFile(package.path) as archive:
                archive.extractall(folder)
        for cache in [*plain.rglob("__pycache__")]:
            shutil.rmtree(cache)
        installed = Path(sysconfig.get_paths()["purelib"])
        candidates = {
            "bare": (installed, "pass"),
            BASE: (installed, "import chalice, boto3, pynamodb, jwt"),
            "app.py alone": (compiled, "import app"),
        }
        made = "import app; made = app.application(); "
        candidates |= {f"{name}, made": (compiled, made + code) for name, code in MADE.items()}
        candidates |= {
            f"{name}, made, no byte code": (plain, made + MADE[name]) for name in ("api_handler", "broadcast")
        }
        taken: dict[str, list[float]] = {name: [] for name in candidates}
        for _ in range(rounds):
            for name, (folder, code) in candidates.items():
                taken[name].append(seconds(folder, code))
    found = {name: statistics.median(all_) * 1000 for name, all_ in taken.items()}
    bare = found.pop("bare")
    for name, milliseconds in found.items():
        above = milliseconds - bare
        click.echo(f"{name:40} {above:7.1f} ms {above / (found[BASE] - bare):6.2f} x base")


if __name__ == "__main__":
    main()
