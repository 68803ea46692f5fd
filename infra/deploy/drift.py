"""How the functions on AWS differ from what is declared here. CloudFormation finds the stack's drift."""

import base64
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.chalice.package import Package
from infra.deploy.errors import code_of
from infra.deploy.target import Target

FINGERPRINT = "game-night-live-deployment"
"""A tag of the REST function: what was deployed, set once all of it was. Chalice removes it at its start."""


def differences(target: Target, package: Package) -> list[str]:
    """Return a line for each thing about the functions that is not as declared; nothing where all is."""
    return [f"{name}: {what}" for name in target.functions for what in _of_function(target, name, package)]


def deployed_fingerprint(target: Target) -> str | None:
    """Return what the last complete deployment was, None where the last one was not completed."""
    tags: dict[str, str] = (_function(target, "api_handler") or {}).get("Tags", {})
    return tags.get(FINGERPRINT)


def deployed_environment(target: Target, name: str) -> dict[str, str] | None:
    """Return what a function is told by its environment, None where the function is not there."""
    found = _function(target, name)
    return None if found is None else found["Configuration"].get("Environment", {}).get("Variables", {})


def _function(target: Target, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = target.aws.client("lambda").get_function(
            FunctionName=target.stage.function(name)
        )
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise
    return found


def _of_function(target: Target, name: str, package: Package) -> Iterator[str]:
    found = _function(target, name)
    if found is None:
        yield "is not there"
        return
    actual: dict[str, Any] = found["Configuration"]
    declared = target.config.of_function(target.stage, name)
    expected: dict[str, Any] = {
        "Handler": target.functions[name],
        "Runtime": declared.lambda_python_version,
        "MemorySize": declared.lambda_memory_size,
        "Timeout": declared.lambda_timeout,
        "Role": declared.iam_role_arn,
        "CodeSha256": base64.b64encode(bytes.fromhex(package.sha256)).decode(),
        "Architectures": [declared.lambda_architecture],
        "Environment": declared.environment_variables,
        "TracingConfig": "Active" if declared.xray_enabled else "PassThrough",
        "ReservedConcurrentExecutions": declared.reserved_concurrency,
    }
    shown: dict[str, Any] = {
        **{key: actual.get(key) for key in expected},
        "Environment": actual.get("Environment", {}).get("Variables", {}),
        "TracingConfig": actual.get("TracingConfig", {}).get("Mode"),
        "ReservedConcurrentExecutions": found.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
    }
    for key, value in expected.items():
        if shown[key] == value:
            continue
        if key == "CodeSha256":
            yield "runs other code than is here"
        elif key == "Environment":
            names = sorted(one for one in {*value, *shown[key]} if value.get(one) != shown[key].get(one))
            yield f"its environment differs in {', '.join(names)}"
        else:
            yield f"{key} is {shown[key]}, declared {value}"
