"""Every command that a document shows has its place in the table, and the place is true."""

import re
from collections import Counter
from fnmatch import fnmatchcase

import pytest

from tests.docs.documents import alike, commands, documents
from tests.docs.how_each_is_run import CI, HERE, REHEARSED, SUITE, UNRUN
from tests.gateway import ROOT

SHOWN = {alike(command): path for path in documents() for command in commands(path)}
PATTERNS = (*HERE, *(one for ran in SUITE.values() for one in ran), *CI, *REHEARSED, *UNRUN)


def places(command: str) -> list[str]:
    """Return where a command is in the table. What is typed here is written out, without patterns."""
    return [one for one in PATTERNS if one == command or (one not in HERE and fnmatchcase(command, one))]


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_that_is_shown_is_in_the_table_once(command: str) -> None:
    found = places(command)

    assert len(found) == 1, (
        f"{SHOWN[command].relative_to(ROOT)} shows `{command}`: say in tests/docs/how_each_is_run.py what "
        f"runs it, once; it is there as {found}."
    )


def test_the_table_has_nothing_that_no_document_shows() -> None:
    met = Counter(place for command in SHOWN for place in places(command))

    assert [one for one in PATTERNS if not met[one]] == []


@pytest.mark.parametrize("test", SUITE)
def test_a_test_that_the_table_names_is_one_that_there_is(test: str) -> None:
    path, _, name = test.partition("::")

    assert re.search(rf"def {name or 'test_'}", (ROOT / path).read_text())


@pytest.mark.parametrize("command", CI)
def test_ci_runs_what_the_table_says(command: str) -> None:
    targets = re.findall(r"^section make (\S+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    needed = {one for target in targets for one in re.findall(rf"^{target}: (\S+)", makefile, re.MULTILINE)}

    assert command.removeprefix("make ") in {*targets, *needed}
