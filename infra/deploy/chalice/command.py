"""``chalice deploy`` and ``delete``, run as a person would run them, their output shown as it comes."""

import os
import subprocess
import sys
from collections import deque
from pathlib import Path

from infra.deploy.errors import DeploymentError
from infra.deploy.progress import Progress

SHOWN_LINES = 15
"""Of a failure: Chalice ends with the reason, above it is a traceback."""


def chalice(project: Path, arguments: list[str], region: str, progress: Progress) -> None:
    """Run Chalice's command line in a project.

    Raises DeploymentError, with what it said last, where it fails.
    """
    # Byte code that the import of the application leaves behind would become a part of the package.
    environment = {**os.environ, "AWS_DEFAULT_REGION": region, "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONUNBUFFERED"] = "1"  # each line is shown when it is said
    command = [str(Path(sys.executable).with_name("chalice")), *arguments]
    said: deque[str] = deque(maxlen=SHOWN_LINES)
    with subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        traceback = False
        for line in process.stdout or ():
            said.append(line.rstrip())
            traceback = traceback or line.startswith("Traceback")
            if line.strip() and not traceback:
                progress.detail(line.rstrip())
    if process.returncode:
        what = "\n".join(said)
        raise DeploymentError(
            f"`chalice {' '.join(arguments)}` failed; what was done is still there. It said last:\n{what}\n"
            "When the cause is removed, run the same command again: it goes on from where things are."
        )
