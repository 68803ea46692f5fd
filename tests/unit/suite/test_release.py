"""One version is set everywhere, and only where it is a version and there is something to release."""

import re
import subprocess
from datetime import date
from pathlib import Path

import pytest

from infra.dev.release import PLACES, NotReleased, release
from tests.gateway import ROOT

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A page.\n"
TODAY = date(2026, 11, 30)


def git(folder: Path, *arguments: str) -> None:
    named = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    return tmp_path


def written(checkout: Path) -> dict[str, int]:
    return {name: (checkout / name).read_text().count("7.8.9") for name in PLACES}


def test_a_version_is_set_everywhere(checkout: Path) -> None:
    said: list[str] = []

    commands = release(checkout, "7.8.9", TODAY, lambda: said.append("specifications"))

    assert written(checkout) == {name: 2 if "lock" in name else 1 for name in PLACES}
    changelog = CHANGELOG.replace("[Unreleased]\n", "[Unreleased]\n\n## [7.8.9] - 2026-11-30\n")
    assert (checkout / "CHANGELOG.md").read_text() == changelog
    assert said == ["specifications"]
    assert commands == ['git commit --all --message "Release 7.8.9"', "git tag v7.8.9"]


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0 ", "latest"])
def test_what_is_no_version_is_refused(checkout: Path, version: str) -> None:
    with pytest.raises(NotReleased, match="SemVer"):
        release(checkout, version, TODAY, pytest.fail)


def test_a_checkout_with_changes_is_refused(checkout: Path) -> None:
    (checkout / "new").touch()

    with pytest.raises(NotReleased, match="not committed"):
        release(checkout, "7.8.9", TODAY, pytest.fail)


@pytest.mark.parametrize(
    ("changelog", "told"),
    [
        ("# Changelog\n", "Unreleased"),
        ("## [Unreleased]\n\n## [1.0.0] - 2026-01-01\n\n### Added\n", "Unreleased"),
        (f"{CHANGELOG}\n## [7.8.9] - 2026-01-01\n", "already"),
    ],
)
def test_without_anything_new_nothing_is_released(checkout: Path, changelog: str, told: str) -> None:
    (checkout / "CHANGELOG.md").write_text(changelog)
    git(checkout, "commit", "--all", "--quiet", "--message", "changelog")

    with pytest.raises(NotReleased, match=told):
        release(checkout, "7.8.9", TODAY, pytest.fail)

    assert not any(written(checkout).values())


def test_the_compatibility_table_names_what_the_packages_ask_for() -> None:
    table = (ROOT / "docs" / "specifications.md").read_text().partition("## What works with what")[2]
    python = re.findall(
        r'requires-python = ">=([\d.]+)"', (ROOT / "clients/python/pyproject.toml").read_text()
    )
    node = re.findall(r'"node": ">=([\d.]+)"', (ROOT / "clients/javascript/package.json").read_text())

    assert f"Python {python[0]} or newer" in table
    assert f"Node.js {node[0]} or newer" in table
