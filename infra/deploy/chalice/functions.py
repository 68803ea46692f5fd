"""The functions that ``app.py`` declares, by name, with the handler that Lambda enters each by.

``python -m infra.deploy.chalice.functions`` prints them; importing the application is left to a process
of its own, since it sets up logging and reads the environment.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.deploy.errors import DeploymentError


def declared_functions(project: Path) -> dict[str, str]:
    """Return name and handler of each function of the application in a folder."""
    command = [sys.executable, "-m", "infra.deploy.chalice.functions"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    asked = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise DeploymentError(
            f"app.py can't be imported, so nothing can be deployed:\n{asked.stderr.strip()}"
        )
    functions: dict[str, str] = json.loads(asked.stdout.splitlines()[-1])
    return functions


def functions_of(app: Any) -> dict[str, str]:
    """Return name and handler of each function of a Chalice application, as Chalice would deploy them."""
    functions = {"api_handler": "app.app"} if app.routes else {}
    names = {"$connect": "websocket_connect", "$disconnect": "websocket_disconnect"}
    for handler in app.websocket_handlers.values():
        functions[names.get(handler.route_key_handled, "websocket_message")] = handler.handler_string
    for declared in (*app.event_sources, *app.pure_lambda_functions):
        functions[declared.name] = declared.handler_string
    return functions


if __name__ == "__main__":
    from app import app as application

    print(json.dumps(functions_of(application)))
