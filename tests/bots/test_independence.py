"""Bots and clients are other people's programs: they need nothing of the service's code."""

import ast
import sys
from pathlib import Path

import pytest

from tests.gateway import ROOT

CLIENT = sorted((ROOT / "clients/python/src").rglob("*.py"))
BOTS = sorted((ROOT / "bots").glob("*.py"))
LIBRARIES = {"announce.py": {"apprise"}, "irc_bot.py": {"irc", "jaraco"}, "listen.py": {"websockets"}}
BESIDE_BOTS = {"gamenight"} | {bot.stem for bot in BOTS}


def imported(path: Path) -> set[str]:
    nodes = [*ast.walk(ast.parse(path.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


@pytest.mark.parametrize("path", BOTS, ids=lambda path: path.name)
def test_a_bot_imports_only_what_its_author_has(path: Path) -> None:
    assert imported(path) <= BESIDE_BOTS | LIBRARIES.get(path.name, set())


@pytest.mark.parametrize("path", CLIENT, ids=lambda path: path.name)
def test_the_client_needs_websockets_alone(path: Path) -> None:
    assert imported(path) <= {"gamenight", "websockets"}
