"""The engine's addresses, and the variables that point the SDKs at it and at nothing else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from infra.local.deployment import REGION


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The URLs of AWS's services: ``dynamodb`` may be a separate engine, ``everything`` has the rest."""

    dynamodb: str
    everything: str


def engine_client(service: str, endpoints: Endpoints) -> Any:
    """Return an SDK client of one of the engine's services."""
    return boto3.client(
        service,
        REGION,
        endpoint_url=endpoints.dynamodb if service.startswith("dynamodb") else endpoints.everything,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - engines take any
        config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}, proxies={}),
    )


def sdk_variables(endpoints: Endpoints) -> dict[str, str]:
    """Return what points the SDKs at an engine, which takes any credentials."""
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # An empty file: the user's own AWS profile must not count.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_ENDPOINT_URL": endpoints.everything,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoints.dynamodb,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": endpoints.dynamodb,
    }


def point_the_sdks_at(variables: Mapping[str, str]) -> None:
    """Remove this process's AWS variables, and set these."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update({name: value for name, value in variables.items() if name.startswith("AWS_")})


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without anything that the SDKs would read."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}
