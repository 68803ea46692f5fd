"""Bots are written by other people: what is in ``bots/`` needs nothing of the service's code."""

import ast
import sys
from pathlib import Path

import pytest

from tests.gateway import ROOT

BOTS = sorted((ROOT / "bots").glob("*.py"))
LIBRARIES = {
    "gamenight.py": {"websockets"},
    "irc_bot.py": {"irc", "jaraco"},
    "listen.py": {"websockets"},
}


@pytest.mark.parametrize("path", BOTS, ids=lambda path: path.name)
def test_a_bot_imports_only_what_its_author_has(path: Path) -> None:
    beside_it = set() if path.name == "gamenight.py" else {bot.stem for bot in BOTS}
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}

    allowed = sys.stdlib_module_names | beside_it | LIBRARIES.get(path.name, set())
    assert {name.partition(".")[0] for name in imported} <= allowed
