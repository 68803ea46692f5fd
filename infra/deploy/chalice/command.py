"""Runs Chalice's command line, and asks app.py for its functions: each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.deploy.output import DeploymentError

NO_BYTE_CODE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Byte code that the import of the application leaves behind would become a part of the package."""

LIST = """
import json
from app import app
from infra.deploy.chalice.command import functions_of
print(json.dumps(functions_of(app)))
"""


def chalice(project: Path, arguments: list[str], region: str) -> None:
    """Run Chalice's command line in a project, and let it speak. Raises DeploymentError where it fails."""
    environment = {**os.environ, **NO_BYTE_CODE, "AWS_DEFAULT_REGION": region}
    command = [str(Path(sys.executable).with_name("chalice")), *arguments]
    if subprocess.run(command, cwd=project, env=environment, check=False).returncode:
        raise DeploymentError(
            f"`chalice {' '.join(arguments)}` failed, and says above why; what was done is still there. When "
            "the cause is removed, run the same command again: it goes on from where things are."
        )


def declared_functions(project: Path) -> dict[str, str]:
    """Return name and handler of each function of the application in a folder. Raises DeploymentError."""
    # The application is not imported here: it sets up logging and reads the environment.
    environment = {**os.environ, **NO_BYTE_CODE}
    command = [sys.executable, "-c", LIST]
    asked = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise DeploymentError(
            f"app.py can't be imported, so nothing can be deployed:\n{asked.stderr.strip()}"
        )
    functions: dict[str, str] = json.loads(asked.stdout.splitlines()[-1])
    return functions


def functions_of(app: Any) -> dict[str, str]:
    """Return name and handler of each function of a Chalice application, as Chalice would deploy them."""
    declared = (*app.websocket_handlers.values(), *app.event_sources, *app.pure_lambda_functions)
    return {"api_handler": "app.app", **{one.name: one.handler_string for one in declared}}
