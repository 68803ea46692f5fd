"""The environment variables that the functions are deployed with, locally.

Nothing that the shell has for AWS reaches them: no profile, no credentials, no other endpoint.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.settings import JSON_LINES, TEXT_LINES
from infra.local.apigateway.websocket_api import PATH
from infra.local.deployment import REGION
from infra.local.engine.queues import EngineQueue
from infra.local.state import StateDir

ONE_MACHINE = {"AUDIENCE_SHARDS": "1", "INLINE_AUDIENCE": "10000"}
"""On AWS eight functions read and post to eight shards, each with its part of the account's rate, so that an
audience of 501 is worth jobs. Here all share two or four cores, and nobody counts: a shard is one more read
before the first post, and a job only more to do. The shell may say otherwise."""


def log_format(*, terminal: bool) -> dict[str, str]:
    """Return how the log is shown: in few words to a person, as it is to a file or a pipe.

    The shell may say otherwise.
    """
    return {"LOG_FORMAT": TEXT_LINES if terminal else JSON_LINES}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where AWS's services are: ``dynamodb`` may be an engine of its own, ``everything`` has the rest."""

    dynamodb: str
    everything: str


def sdk_variables(endpoints: Endpoints) -> dict[str, str]:
    """Return what points the SDKs at an engine, which takes any credentials."""
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # An empty file: the profile of whoever runs this must not have a say.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_ENDPOINT_URL": endpoints.everything,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoints.dynamodb,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": endpoints.dynamodb,
    }


def function_variables(
    port: int,
    table_names: Mapping[str, str],
    stream_arn: str,
    made: Mapping[str, EngineQueue],
    state: StateDir,
) -> dict[str, str]:
    """Return what ``chalicelib.settings`` reads, for a gateway on a port."""
    return {
        "SESSIONS_TABLE": table_names["SessionsTable"],
        "CONNECTIONS_TABLE": table_names["ConnectionsTable"],
        "SESSIONS_STREAM_ARN": stream_arn,
        "DELIVERY_QUEUE_URL": made["DeliveryQueue"].url,
        "DELIVERY_QUEUE_ARN": made["DeliveryQueue"].arn,
        "STREAM_FAILURE_QUEUE_URL": made["StreamFailureQueue"].url,
        "JWT_SECRET_FILE": str(state.token_secrets.resolve()),
        "LOG_FILE": str(state.log.resolve()),
        # An address, not localhost: a broadcast need not ask the resolver.
        "PUSH_ENDPOINT": f"http://127.0.0.1:{port}/{{stage}}",
        "REST_URL": f"http://localhost:{port}",
        "WEBSOCKET_URL": f"ws://localhost:{port}{PATH}",
    }


def point_the_sdks_at(variables: Mapping[str, str]) -> None:
    """Leave nothing of what this process's shell has for AWS, and let the SDKs read these."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update({name: value for name, value in variables.items() if name.startswith("AWS_")})


def without_aws(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without anything that the SDKs would read."""
    return {name: value for name, value in environment.items() if not name.startswith("AWS_")}
