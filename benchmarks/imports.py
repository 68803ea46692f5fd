"""What an import costs, in a fresh interpreter each time: `python -m benchmarks.imports`.

Prints the median over a bare interpreter, and the ratio to importing the four base packages (chalice,
boto3, pynamodb, jwt) bare in the same run. Rounds go through all candidates in turn, so that a slow
moment of the machine hits all of them.
"""

import statistics
import subprocess
import sys
import time

import click

BASE = "import chalice, boto3, pynamodb, jwt"
CANDIDATES = {
    "the four base packages": BASE,
    "chalice": "import chalice",
    "boto3": "import boto3",
    "botocore.session": "import botocore.session",
    "pynamodb.models": "import pynamodb.models",
    "jwt": "import jwt",
    "msgspec": "import msgspec",
    "httptools": "import httptools",
    "asyncio": "import asyncio",
    "uvloop": "import uvloop",
    "tenacity": "import tenacity",
    "aws_lambda_powertools Logger": "from aws_lambda_powertools import Logger",
    "pydantic": "import pydantic",
}


def seconds(code: str) -> float | None:
    """Return how long a fresh interpreter takes to run the code; None where a module is not installed."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    return time.perf_counter() - started if done.returncode == 0 else None


def medians(candidates: dict[str, str], rounds: int) -> dict[str, float]:
    """Return each candidate's median in milliseconds above a bare interpreter."""
    taken: dict[str, list[float]] = {name: [] for name in ("bare", *candidates)}
    for _ in range(rounds):
        for name, code in {"bare": "pass", **candidates}.items():
            if (one := seconds(code)) is not None:
                taken[name].append(one)
    bare = statistics.median(taken.pop("bare"))
    return {name: (statistics.median(all_) - bare) * 1000 for name, all_ in taken.items() if all_}


@click.command(help=__doc__)
@click.option("--rounds", default=9, show_default=True, help="How often each import is timed.")
def main(rounds: int) -> None:
    found = medians(CANDIDATES, rounds)
    base = found["the four base packages"]
    for name, milliseconds in found.items():
        click.echo(f"{name:32} {milliseconds:7.1f} ms {milliseconds / base:6.2f} x base")
    for name in CANDIDATES.keys() - found.keys():
        click.echo(f"{name:32} not installed here")


if __name__ == "__main__":
    main()
