"""Runs Chalice's command line, and lists the functions of app.py, in processes of their own."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError
from chalice.app import BaseEventSourceConfig, DynamoDBEventConfig, ScheduledEventConfig, SQSEventConfig

from infra.deploy.output import AGAIN, DeploymentError, advice

NO_BYTE_CODE = {"PYTHONDONTWRITEBYTECODE": "1"}
"""Otherwise importing the application would add byte code to the package."""

PATIENT = {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "10"}
"""API Gateway accepts a deployment every five seconds, and Chalice makes two. So the SDK waits up to a
minute."""

REFUSED = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \([^)]*\))?: (.*)")
"""An error of botocore at the end of Chalice's traceback."""

LIST = """
import json
from dataclasses import asdict
from app import app
from infra.deploy.chalice.command import functions_of
print(json.dumps({name: asdict(one) for name, one in functions_of(app).items()}))
"""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that app.py declares, and what starts it.

    ``triggers`` are REST routes such as ``GET /api``, WebSocket routes such as ``$connect``, schedules such
    as ``rate(1 minute)``, ``stream`` and ``queue``.
    """

    handler: str
    triggers: Sequence[str]


def chalice(project: Path, arguments: list[str], region: str) -> None:
    """Run Chalice's command line in a project, and show its output.

    Raises DeploymentError if it fails, with its reason and no traceback.
    """
    environment = {**os.environ, **NO_BYTE_CODE, **PATIENT, "AWS_DEFAULT_REGION": region}
    command = [str(Path(sys.executable).with_name("chalice")), *arguments]
    kept: dict[str, Any] = {"stderr": subprocess.PIPE, "text": True}
    ran = subprocess.run(command, cwd=project, env=environment, check=False, **kept)
    if not ran.returncode:
        click.echo(ran.stderr, nl=False, err=True)
        return
    if refused := REFUSED.search(ran.stderr):
        code, operation, said = refused.groups()
        why = advice(ClientError({"Error": {"Code": code, "Message": said}}, operation))
    else:
        why = f"{ran.stderr.strip().rpartition('received the following error:')[2].strip()}\n{AGAIN}"
    raise DeploymentError(f"`chalice {' '.join(arguments)}` failed. What it had done is still there. {why}")


def declared_functions(project: Path) -> dict[str, Function]:
    """Return each function of the application in a folder, by its name. Raises DeploymentError."""
    # The application is not imported here: it sets up logging and reads the environment.
    environment = {**os.environ, **NO_BYTE_CODE}
    command = [sys.executable, "-c", LIST]
    asked = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if asked.returncode:
        raise DeploymentError(
            f"app.py can't be imported, so nothing can be deployed:\n{asked.stderr.strip()}"
        )
    return {name: Function(**one) for name, one in json.loads(asked.stdout.splitlines()[-1]).items()}


def functions_of(app: Any) -> dict[str, Function]:
    """Return each function of a Chalice application, by its name, as Chalice would deploy it."""
    routes = [f"{method} {path}" for path, methods in app.routes.items() for method in methods]
    declared = {"api_handler": Function("app.app", routes)}
    for one in app.websocket_handlers.values():
        declared[one.name] = Function(one.handler_string, [one.route_key_handled])
    for one in (*app.event_sources, *app.pure_lambda_functions):
        declared[one.name] = Function(one.handler_string, [*_triggers(one)])
    return declared


def _triggers(source: Any) -> Iterator[str]:
    if isinstance(source, ScheduledEventConfig):
        expression = source.schedule_expression
        yield expression if isinstance(expression, str) else expression.to_string()
    elif isinstance(source, BaseEventSourceConfig):
        kinds = {DynamoDBEventConfig: "stream", SQSEventConfig: "queue"}
        yield kinds.get(type(source), type(source).__name__)
