import sys
from pathlib import Path

import pytest

from tests.gateway import ROOT
from tests.installed import installed


def test_a_program_is_found_by_the_first_name_there_is(tmp_path: Path) -> None:
    program = tmp_path / "browser"
    program.symlink_to(sys.executable)

    assert installed("no-such-program", "browser", path=str(tmp_path)) == str(program)


@pytest.mark.parametrize(
    ("ci", "outcome", "said"),
    [
        ("", pytest.skip.Exception, "no-such-program is not installed"),
        ("true", pytest.fail.Exception, "CI is where this has to run"),
    ],
)
def test_only_ci_fails_where_a_program_is_missing(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException], said: str
) -> None:
    monkeypatch.setenv("CI", ci)

    with pytest.raises(outcome, match=said):
        installed("no-such-program")
    assert "\nexport CI=true\n" in (ROOT / ".ci" / "run").read_text()
