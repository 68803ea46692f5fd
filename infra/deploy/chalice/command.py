"""``chalice deploy`` and ``delete``, run as a person would run them."""

import os
import subprocess
import sys
from pathlib import Path

from infra.deploy.errors import DeploymentError


def chalice(project: Path, arguments: list[str], region: str) -> None:
    """Run Chalice's command line in a project, and let it speak. Raises DeploymentError where it fails."""
    # Byte code that the import of the application leaves behind would become a part of the package.
    environment = {**os.environ, "AWS_DEFAULT_REGION": region, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(Path(sys.executable).with_name("chalice")), *arguments]
    if subprocess.run(command, cwd=project, env=environment, check=False).returncode:
        raise DeploymentError(
            f"`chalice {' '.join(arguments)}` failed, and says above why; what was done is still there. When "
            "the cause is removed, run the same command again: it goes on from where things are."
        )
