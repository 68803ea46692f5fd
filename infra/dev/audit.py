"""Looks up known vulnerabilities in what is installed and deployed.

pip-audit does it. This module names the files, and notices if an audit did not take place.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from infra import ROOT

FILES = ("requirements.txt", *(f"requirements/{one.name}" for one in ROOT.glob("requirements/*.txt")))


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found: a line for each vulnerability, and how many packages were looked up or not."""

    vulnerabilities: Sequence[str]
    looked_up: int
    unknown: int


class NotAudited(Exception):
    """The audit did not take place; the text says why."""


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
        cwd=ROOT,
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
