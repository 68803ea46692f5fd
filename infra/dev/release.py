"""Sets one version everywhere, and gives it the changelog's Unreleased section."""

import re
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?")
PLACES = {
    "chalicelib/__init__.py": r'(?<=^__version__ = ")[^"]+',
    "pyproject.toml": r'(?<=^version = ")[^"]+',
    "clients/python/src/gamenight/__init__.py": r'(?<=^__version__ = ")[^"]+',
    "clients/javascript/package.json": r'(?<=^  "version": ")[^"]+',
    # The package's own, and not those of what it needs.
    "clients/javascript/package-lock.json": r'(?<="name": "gamenight",\n)( +"version": ")[^"]+',
    "clients/javascript/README.md": r"(?<=/gamenight-)\d[\w.-]*(?=\.tgz)",
}
"""The files with a version, and where it stands. The specifications are made from the first."""

UNRELEASED = re.compile(r"^## \[Unreleased\]\n+(?=###)", re.MULTILINE)
"""The heading, where something stands below it."""


class NotReleased(Exception):
    """A version can't be set; the message says why, and what to do."""


def release(root: Path, version: str, today: date, write_specifications: Callable[[], object]) -> list[str]:
    """Set a version in all files of a checkout, and return the commands that release it.

    Raises NotReleased, and changes nothing, if the version is not SemVer's or is released already, if the
    work tree is not clean, or if the changelog has nothing unreleased.
    """
    if not SEMVER.fullmatch(version):
        raise NotReleased(f"{version!r} is not a version of SemVer, such as 1.4.0 or 2.0.0-rc.1.")
    if _git(root, "status", "--porcelain"):
        raise NotReleased("There are changes that are not committed. Commit or stash them first.")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    if f"## [{version}]" in text:
        raise NotReleased(f"CHANGELOG.md has a section of {version} already. Which version comes next?")
    if not UNRELEASED.search(text):
        raise NotReleased("CHANGELOG.md has no section [Unreleased] with changes in it. What is new?")
    for name, pattern in PLACES.items():
        path = root / name
        found = re.compile(pattern, re.MULTILINE)
        content = path.read_text(encoding="utf-8")
        path.write_text(found.sub(lambda one: f"{''.join(one.groups())}{version}", content), encoding="utf-8")
    heading = f"## [Unreleased]\n\n## [{version}] - {today.isoformat()}\n\n"
    changelog.write_text(UNRELEASED.sub(heading, text), encoding="utf-8")
    write_specifications()
    return [f'git commit --all --message "Release {version}"', f"git tag v{version}"]


def _git(root: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
