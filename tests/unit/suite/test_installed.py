import sys
from pathlib import Path

import pytest

from tests.installed import installed

NOWHERE = "no-such-program"


def test_a_program_is_found_by_the_first_of_its_names_that_there_is(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.symlink_to(sys.executable)

    assert installed(NOWHERE, "browser", path=str(tmp_path)) == str(program)


def test_what_needs_a_program_that_is_missing_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match=f"{NOWHERE} is not installed"):
        installed(NOWHERE)


def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="CI is where this has to run"):
        installed(NOWHERE)


def test_the_script_of_ci_says_that_it_is_ci() -> None:
    script = Path(__file__).parents[3] / ".ci" / "run"

    assert "\nexport CI=true\n" in script.read_text()
