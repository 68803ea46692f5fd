"""The commands that the documents show.

A command stands in a block of ``sh``, behind ``$`` in another block, or in the text between backticks.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.gateway import ROOT

FOLDERS = (
    ".",
    "docs",
    "docs/decisions",
    "clients/javascript",
    "clients/python",
    "benchmarks",
    "tests/faults",
)
PROGRAMS = (
    r"\.|apt-get|aws|chalice|cp|curl|eval|gamenight|git|ls|make|node|npm|pip|pytest|python|sudo"
    r"|\S*bin/(?:gamenight|python|pytest)"
)
COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:{PROGRAMS}) \S")
"""What text between backticks begins with, to be a command: a program's name alone is none."""


def documents() -> list[Path]:
    """Return every document, sorted."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).glob("*.md"))


def commands(path: Path) -> list[str]:
    """Return each command of a document as it stands there, on one line, without its comment."""
    text = path.read_text(encoding="utf-8")
    found = list(_in_blocks(text))
    for paragraph in re.sub(r"```.*?```", "", text, flags=re.DOTALL).split("\n\n"):
        spans = (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", paragraph))
        found += [span for span in spans if COMMAND.match(span)]
    return found


def _in_blocks(text: str) -> Iterator[str]:
    for language, block in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            shown = line if language == "sh" else line.removeprefix("$ ") if line.startswith("$ ") else ""
            if command := " ".join(re.sub(r"(^|\s)#\s.*", "", shown).split()):
                yield command
