"""``python -m infra audit``: known vulnerabilities in what is installed and deployed.

pip-audit looks them up; this names the files, and tells an audit that found nothing from one that did not
take place.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import click

from infra.cli.stage_options import PROJECT

FILES = (
    "requirements.txt",
    *(f"requirements/{name}.txt" for name in ("uv", "check", "ministack", "bench", "checkov")),
)


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found: a line for each vulnerability, and how many packages were looked up or not."""

    vulnerabilities: Sequence[str]
    looked_up: int
    unknown: int


class NotAudited(Exception):
    """No answer could be had; the text says why."""


@click.command()
@click.option("--required", is_flag=True, help="Exit with 1 where the audit could not take place, too.")
@click.argument("options", nargs=-1, metavar="[-- PIP-AUDIT'S OPTIONS]")
def command(options: tuple[str, ...], *, required: bool) -> None:
    """Look up known vulnerabilities of every pinned package, in the advisories of PyPI.

    Exits with 1 where there is one. Without a network nothing can be looked up, which is said and is no
    failure unless --required is given. What follows -- is pip-audit's own, such as "--ignore-vuln ID".
    """
    try:
        audit = audited(options)
    except NotAudited as why:
        click.echo(f"Not audited: {why}", err=True)
        raise SystemExit(int(required)) from why
    for line in audit.vulnerabilities:
        click.echo(line)
    if audit.vulnerabilities:
        click.echo("Raise the version in the .in file that names it, or what needs it, and run `make lock`.")
        raise SystemExit(1)
    if audit.unknown:
        click.echo(
            f"{audit.unknown} of {audit.looked_up + audit.unknown} packages could not be looked up.", err=True
        )
        raise SystemExit(int(required))
    click.echo(f"No known vulnerability in {audit.looked_up} packages.")


def audited(options: Sequence[str]) -> Audit:
    """Ask pip-audit about every file. Raises NotAudited."""
    with ThreadPoolExecutor() as at_once:  # one file each: a package may be pinned differently in two
        answers = [*at_once.map(lambda name: _packages(name, options), FILES)]
    packages = {
        (package["name"], package.get("version")): package for answer in answers for package in answer
    }
    known = [package for package in packages.values() if "skip_reason" not in package]
    if not known:
        raise NotAudited("the package index that is used here has no advisories.")
    return Audit([*_lines(known)], len(known), len(packages) - len(known))


def _packages(requirements: str, options: Sequence[str]) -> list[dict[str, Any]]:
    arguments = ["--requirement", requirements, "--disable-pip", "--progress-spinner=off", "--format=json"]
    asked = subprocess.run(
        [sys.executable, "-m", "pip_audit", *arguments, *options],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except ValueError:
        last = asked.stderr.strip().rpartition("\n")[2]
        raise NotAudited(f"{requirements} could not be looked up ({last}).") from None
    return packages


def _lines(packages: Sequence[dict[str, Any]]) -> Iterator[str]:
    for package in packages:
        for vulnerability in package["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}"
