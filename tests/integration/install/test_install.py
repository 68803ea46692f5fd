"""What `make` runs before anything is installed: one file, and the standard library."""

import fcntl
import subprocess
import sys
from pathlib import Path

from tests.gateway import ROOT

SECONDS = 90


def installing(folder: Path, requirements: Path) -> "subprocess.Popen[str]":
    command: list[str | Path] = [sys.executable, ROOT / "infra" / "install.py", folder, requirements]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_whoever_comes_second_waits_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    folder, requirements = tmp_path / "venv", tmp_path / "requirements.txt"
    folder.mkdir()
    requirements.write_text("# nothing\n")
    with (folder / ".lock").open("ab") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = installing(folder, requirements)
        assert second.stderr is not None
        waiting = second.stderr.readline()
        (folder / ".installed").touch()

    printed, said = second.communicate(timeout=SECONDS)

    assert "Another make is installing" in waiting
    assert (second.returncode, printed, said) == (0, "", "")


def test_what_goes_wrong_is_said_and_is_tried_again_the_next_time(tmp_path: Path) -> None:
    folder, requirements = tmp_path / "venv", tmp_path / "requirements.txt"
    requirements.write_text("./nowhere\n")
    failing = installing(folder, requirements)
    printed, said = failing.communicate(timeout=SECONDS)

    requirements.write_text("# nothing\n")
    again = installing(folder, requirements)
    again.communicate(timeout=SECONDS)

    assert failing.returncode == 1
    assert "nowhere" in said
    assert f"pip could not install {requirements}" in said
    assert printed == ""  # what is printed may be taken for a token
    assert again.returncode == 0
    assert (folder / ".installed").exists()
