"""Points the AWS SDKs at the engine, and at nothing else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.settings import Keys
from infra.local.deployment import REGION

ACCESS_KEY, SECRET_KEY = "local", "local"
"""Credentials for an engine, which accepts any."""

KEYS = Keys(ACCESS_KEY, SECRET_KEY)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The engines' URLs. ``dynamodb`` may be a separate engine; ``everything`` serves all other services."""

    dynamodb: str
    everything: str


def engine_client(service: str, endpoints: Endpoints) -> Any:
    """Return an SDK client for a service of the engine."""
    return boto3.client(
        service,
        REGION,
        endpoint_url=endpoints.dynamodb if service.startswith("dynamodb") else endpoints.everything,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}, proxies={}),
    )


def sdk_variables(endpoints: Endpoints) -> dict[str, str]:
    """Return the variables that point the SDKs at an engine."""
    return {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # An empty file, so that the user's own AWS profile is not read.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_ENDPOINT_URL": endpoints.everything,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoints.dynamodb,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": endpoints.dynamodb,
    }


def point_the_sdks_at(variables: Mapping[str, str]) -> None:
    """Replace all AWS variables of this process with these."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update({name: value for name, value in variables.items() if name.startswith("AWS_")})
