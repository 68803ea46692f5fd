"""The environment variables of the functions, on this machine."""

import socket
from collections.abc import Mapping

from chalicelib.settings import JSON_LINES, TEXT_LINES
from infra.local.apigateway.websocket_api import PATH
from infra.local.deployment import STAGE
from infra.local.engine.queues import EngineQueue
from infra.local.state import StateDir
from infra.template import tables

ONE_MACHINE = {"AUDIENCE_SHARDS": "1", "INLINE_AUDIENCE": "10000"}
"""On AWS eight functions read and post to eight shards, each with its part of the account's rate, so jobs pay
off from an audience of 501. Here all functions share a few cores, and there is no rate: a shard is one
more read before the first post, and a job only more work. The shell's variables win."""


def log_format(*, terminal: bool) -> dict[str, str]:
    """Return the log's format: short on a terminal, JSON in a file or a pipe. The shell's LOG_FORMAT wins."""
    return {"LOG_FORMAT": TEXT_LINES if terminal else JSON_LINES}


def urls(port: int) -> dict[str, str]:
    """Return where clients find a gateway on a port."""
    return {"rest_url": f"http://localhost:{port}", "websocket_url": f"ws://localhost:{port}{PATH}"}


def function_variables(
    port: int, posts: socket.socket, stream_arn: str, made: Mapping[str, EngineQueue], state: StateDir
) -> dict[str, str]:
    """Return what ``chalicelib.settings`` reads, for a gateway on a port that takes posts on a socket."""
    defined = tables(STAGE)
    return {
        "SESSIONS_TABLE": defined["SessionsTable"].name,
        "CONNECTIONS_TABLE": defined["ConnectionsTable"].name,
        "SESSIONS_STREAM_ARN": stream_arn,
        "DELIVERY_QUEUE_URL": made["DeliveryQueue"].url,
        "DELIVERY_QUEUE_ARN": made["DeliveryQueue"].arn,
        "STREAM_FAILURE_QUEUE_URL": made["StreamFailureQueue"].url,
        "JWT_SECRET_FILE": str(state.token_secrets.resolve()),
        "LOG_FILE": str(state.log.resolve()),
        # An address, not localhost: a broadcast need not ask the resolver.
        "PUSH_ENDPOINT": "http://{}:{}/{{stage}}".format(*posts.getsockname()),
        **{name.upper(): url for name, url in urls(port).items()},
    }
