"""The commands that the documents show for a stage, at the rehearsed one: those that nothing else has typed.

They are taken from the documents, so that a changed document changes what is rehearsed. Leaves the rest of a
deployment to ``changes``, and how a command is found in a document to ``infra.documents``.
"""

import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from infra.deploy.rehearse.terminal import STAGE, Terminal, must
from infra.documents import alike, commands, documents

OURS = ("python", "-m", "infra")
BUILDS = "package"
"""The command that builds for a machine, which here is this one, and knows no stage that could tell."""

ANSWERS = {"restored": "y\n"}
"""What a command is told where it asks."""

LAST = "destroy"
"""The command that ``changes`` types when all else is over."""


@dataclass(frozen=True, slots=True)
class Documented:
    """What is left of the documents' commands, at a terminal."""

    terminal: Terminal

    def type_what_is_left(self) -> None:
        """Type each command that the rehearsal has not typed.

        Raises RehearsalFailed where one does not end with 0.
        """
        self.terminal.progress.step("The other commands of the documents")
        left = [*untyped(map(self._resolved, shown()), self.terminal.typed)]
        must(bool(left), "the documents show no command that the rehearsal would not type anyway")
        for name, *options in left:
            processor = self.terminal.processor if name == BUILDS else ()
            self.terminal.infra(name, *options, *processor, answer=ANSWERS.get(name, ""))

    def _resolved(self, command: str) -> tuple[str, ...]:
        """Return a command's words behind ``python -m infra``; of a target, `make` says which they are."""
        line = here(command)
        if line.startswith("make "):
            said = self.terminal.run([*shlex.split(line.replace("make", "make -n", 1)), f"VENV={sys.prefix}"])
            # Within another `make`, as here, it says more than what it would run.
            line = next(
                (re.sub(r"^\S+", "python", one) for one in said.splitlines() if " -m infra " in one), line
            )
        words = tuple(shlex.split(line))
        must(words[:3] == OURS, f"the rehearsal can't type {command!r}")
        return words[3:]


def shown() -> list[str]:
    """Return what the documents show for a stage that is deployed, each once."""
    found = dict.fromkeys(alike(command) for path in documents() for command in commands(path))
    ours = re.compile(r"(make|python -m infra) (.*(--stage |STAGE=)dev\b|package$)")
    return [command for command in found if ours.match(command)]


def here(command: str) -> str:
    """Return a command as it is typed for the rehearsed stage, whose event 1 of session 1 there is."""
    return re.sub(r"\b\d+/\d+\b", "1/1", re.sub(r"(--stage |STAGE=)dev\b", rf"\g<1>{STAGE.name}", command))


def untyped(wanted: Iterable[tuple[str, ...]], typed: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield what nobody has typed, each once."""
    done = {*typed}
    for words in wanted:
        if words[0] != LAST and words not in done:
            done.add(words)
            yield words
