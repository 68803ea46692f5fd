"""Bots are written by other people: what is in ``bots/`` needs nothing of the service's code."""

import ast
import sys
from pathlib import Path

import pytest

from tests.gateway import ROOT

BOTS = sorted((ROOT / "bots").glob("*.py"))
BESIDE_IT = {path.stem for path in BOTS}
LIBRARIES = {
    "gamenight.py": {"websockets"},
    "irc_bot.py": {"irc", "jaraco"},
    "listen.py": {"websockets"},
}


@pytest.mark.parametrize("path", BOTS, ids=lambda path: path.name)
def test_a_bot_imports_only_what_its_author_has(path: Path) -> None:
    beside_it = set() if path.name == "gamenight.py" else BESIDE_IT
    allowed = sys.stdlib_module_names | beside_it | LIBRARIES.get(path.name, set())

    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported <= allowed


def test_the_bots_are_found() -> None:
    assert "gamenight" in BESIDE_IT
