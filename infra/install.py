"""``python infra/install.py FOLDER REQUIREMENTS``: make a virtual environment and install what a file pins.

Run by `make` with a Python that has nothing installed yet, so it uses the standard library only. Says what it
is doing on standard error, in one line that moves; two at once wait for each other.
"""

import fcntl
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STEP = re.compile(r"(?:Collecting|Downloading|Installing collected) (\S+)")
WIDTH = 60


def install(folder: Path, requirements: Path) -> int:
    """Install, unless that has been done since the file changed; return the exit status."""
    folder.mkdir(exist_ok=True)
    done = folder / ".installed"
    with _alone(folder):
        if done.exists() and done.stat().st_mtime >= requirements.stat().st_mtime:
            return 0
        _say(f"Installing {requirements} into {folder} (once, a minute or two)...\n")
        if not (folder / "bin" / "pip").exists():
            venv.create(folder, with_pip=True)
        status = _pip(folder, requirements)
        if status == 0:
            done.touch()
        return status


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"Another make is installing into {folder}; waiting for it...\n")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pip(folder: Path, requirements: Path) -> int:
    pip: list[str | Path] = [
        folder / "bin" / "pip",
        "install",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
    ]
    with (
        tempfile.TemporaryFile("w+") as problems,
        subprocess.Popen(
            [*pip, "-r", requirements], stdout=subprocess.PIPE, stderr=problems, text=True
        ) as running,
    ):
        for number, name in enumerate(_steps(running), 1):
            if sys.stderr.isatty():
                _say(f"\r  {number:3} {name}"[:WIDTH].ljust(WIDTH))
        status = running.wait()
        if sys.stderr.isatty():
            _say("\r" + " " * WIDTH + "\r")
        if status:
            problems.seek(0)
            _say(problems.read())
            _say(f"pip could not install {requirements} into {folder}; what it said is above.\n")
    return status


def _steps(running: "subprocess.Popen[str]") -> Iterator[str]:
    for line in running.stdout or ():
        if step := STEP.match(line.strip()):
            yield step[1]


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(install(Path(sys.argv[1]), Path(sys.argv[2])))
