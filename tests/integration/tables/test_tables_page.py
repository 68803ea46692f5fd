"""docs/tables.md shows what is in the tables now, and what it costs now."""

import subprocess
import sys

import pytest

from tests.gateway import ROOT


@pytest.mark.parametrize("what", ["items", "costs"])
def test_the_page_shows_what_the_command_prints_now(what: str) -> None:
    command = [sys.executable, "-m", "infra.cli", "dev", "tables", what]

    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    block = f"```text\n$ gamenight dev tables {what}\n{printed}```\n"
    assert block in (ROOT / "docs" / "tables.md").read_text(), "run `make tables`, and look at what changed"
