"""Every command that a document shows is one that there is, with options that it takes; links lead somewhere.

None is run: what a command does is its own tests' business, and what the first page shows is tried in
``test_first_page``.
"""

import re
import shlex
import subprocess
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from infra.cli.commands import gamenight
from infra.deploy.rehearse.rehearse import DOCUMENTED
from tests.docs.documents import commands, documents
from tests.gateway import ROOT

DOCUMENTS = documents()
BY_HAND = {
    *(".", "apt-get", "aws", "chalice", "cp", "curl", "eval", "export", "git", "ls", "npm", "pip", "python3"),
}
"""Programs of others: what they are given is theirs to judge."""


def words(command: str) -> list[str]:
    """Return a command's words, without what stands before the program and what a shell would put in."""
    line = re.sub(r"\$\([^)]*\)", "x", command)
    found = shlex.split(line, comments=True)
    while found and (found[0] == "sudo" or re.fullmatch(r"[A-Z_]+=.*", found[0])):
        found.pop(0)
    return found


SHOWN = [
    pytest.param(command, id=f"{path.relative_to(ROOT)}: {command}")
    for path in DOCUMENTS
    for command in commands(path)
]


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_that_is_shown_is_one_that_there_is(command: str) -> None:
    nested = [words(inner) for inner in re.findall(r"\$\(([^)]*)\)", command)]

    for line in [words(command), *nested]:
        assert problem(line) is None, problem(line)


@pytest.mark.parametrize("typed", DOCUMENTED)
def test_what_the_rehearsal_types_as_documented_is(typed: str) -> None:
    asked = without_numbers(typed.split())

    assert any(asked <= without_numbers(words(line)) for path in DOCUMENTS for line in commands(path))


def without_numbers(found: list[str]) -> set[str]:
    return {re.sub(r"\d+", "1", one) for one in found}


def problem(line: list[str]) -> str | None:
    """Say what is wrong with a command; None where nothing is."""
    match line:
        case [] | ["make"] | ["python", "-X", *_]:
            found = None
        case ["make", *arguments]:
            found = problem_of_make([one for one in arguments if one != "-s"])
        case [program, *arguments] if program.endswith("gamenight"):
            found = problem_of_gamenight(gamenight, arguments)
        case [python, "-m", module, *_] if python.endswith("python"):
            found = None if find_spec(module) else f"there is no module {module}"
        case ["python" | "node", "bot.py" | "my_bot.py" | "bot.mjs", *_]:
            found = None
        case ["python" | "node" | "pytest" | ".venv/bin/pytest", path, *_]:
            found = None if (ROOT / path).exists() else f"there is no {path}"
        case [program, *_]:
            found = None if program in BY_HAND else f"nobody knows {program}"
    return found


def problem_of_make(arguments: list[str]) -> str | None:
    targets = [one for one in arguments if "=" not in one]
    variables = [one.split("=")[0] for one in arguments if "=" in one]
    makefile = (ROOT / "Makefile").read_text()
    unknown = [one for one in targets if not re.search(rf"^{re.escape(one)}:", makefile, re.MULTILINE)]
    unknown += [one for one in variables if not re.search(rf"\$\({one}\)|^{one} \?=", makefile, re.MULTILINE)]
    return f"the Makefile has no {', '.join(unknown)}" if unknown else None


def problem_of_gamenight(command: click.Command, arguments: list[str]) -> str | None:
    """Let click read the arguments, and do nothing with them."""
    if isinstance(command, click.Group):
        if not arguments:
            return None
        name, *rest = arguments
        if name.startswith("-"):
            return None
        found = command.get_command(click.Context(command), name)
        return problem_of_gamenight(found, rest) if found else f"there is no command {name}"
    try:
        command.make_context(command.name, [one for one in arguments if one != "..."])
    except click.UsageError as error:
        return error.format_message()
    except click.exceptions.Exit:
        return None
    return None


@pytest.mark.parametrize(
    "wrong",
    [
        "make tset",
        "make token ROEL=bot",
        "gamenight stage deplo --stage dev",
        "gamenight stage deploy --stgae dev",
        "python -m benchmarks.nothing",
        "python bots/nothing.py",
        "pytest tests/nothing.py",
        "rm -rf /",
    ],
)
def test_one_that_there_is_not_is_found(wrong: str) -> None:
    assert problem(words(wrong)) is not None


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))

    broken = [target for target in targets if "://" not in target and not leads(path, *target.split("#"))]

    assert broken == []


@pytest.mark.parametrize("folder", ["docs", "docs/decisions"])
def test_an_index_names_every_document_beside_it(folder: str) -> None:
    index = (ROOT / folder / "README.md").read_text()

    assert [path.name for path in (ROOT / folder).glob("[!R]*.md") if f"({path.name})" not in index] == []


def leads(document: Path, file: str, heading: str = "") -> bool:
    target = document.parent / file if file else document
    return target.exists() and (not heading or heading in anchors(target))


def anchors(document: Path) -> set[str]:
    """Return what GitHub makes of headings: words in small letters, lines between them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_target_of_the_makefile_says_what_it_does() -> None:
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert phony is not None
    assert set(re.findall(r"^  make (\S+)", helped, re.MULTILINE)) >= set(phony[1].split()) - {"help"}
