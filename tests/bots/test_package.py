"""The client library as a package."""

import subprocess
import sys
from pathlib import Path

from tests.gateway import ROOT


def test_it_can_be_installed_and_imported_by_itself(tmp_path: Path) -> None:
    # Without isolation: the build's only requirement is one of ours, and no test needs a registry.
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--target", tmp_path, ROOT / "bots"], check=True)

    asked = "import gamenight; print(gamenight.__file__, gamenight.__version__)"
    told = subprocess.run(
        [sys.executable, "-c", asked],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    assert told.stdout.split() == [str(tmp_path / "gamenight.py"), "1.0.0"]
    assert [path.name for path in tmp_path.glob("*.py")] == ["gamenight.py"]
