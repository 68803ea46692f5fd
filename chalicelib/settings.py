"""Reads the environment into one typed value. Nothing else reads ``os.environ``."""

import os
from collections.abc import Mapping, Sequence
from typing import Self

import msgspec

from chalicelib.connections.lifetime import ConnectionLife
from chalicelib.limits import FRAMES_PER_SECOND

MANAGEMENT_ENDPOINT = "https://{api_id}.execute-api.{region}.amazonaws.com/{stage}"
"""The address at which API Gateway serves @connections, also of an API with a custom domain."""

LOCAL_QUEUE_ARN = "arn:aws:sqs:us-east-1:000000000000:game-night-live-local-delivery.fifo"
"""What Chalice's decorator gets while nothing is deployed, since it takes no empty ARN."""

LIFE = ConnectionLife()

AUDIENCE_SHARDS = 8
"""The default number of shards of an audience."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMATS = (JSON_LINES, TEXT_LINES) = ("json", "text")


class Keys(msgspec.Struct, frozen=True):
    """Credentials, with the fields of botocore's frozen ones. They may be empty; ``repr`` shows no secret."""

    access_key: str | None
    secret_key: str | None
    token: str | None = None

    def __repr__(self) -> str:
        return f"Keys(access_key={self.access_key!r})"


class SettingsError(Exception):
    """A variable of the environment is not valid; the message names it."""


class Settings(msgspec.Struct, frozen=True):
    """What differs between a laptop, a rehearsal and an AWS stage.

    ``push_endpoint`` (PUSH_ENDPOINT) is a template with ``{api_id}``, ``{region}`` and ``{stage}``; only
    emulators set it. ``rest_url`` (REST_URL) is the address above ``/api``; if it is not set, it comes from
    the request. ``websocket_url`` (WEBSOCKET_URL) may be a path below it. ``dynamodb_endpoint``,
    ``sqs_endpoint`` and ``aws_endpoint`` replace AWS's own addresses, under the names that every AWS SDK
    reads.

    The token secret is in an SSM parameter (JWT_SECRET_PARAMETER) or, on a laptop, in a file
    (JWT_SECRET_FILE). The file wins if both are set. ``inline_audience`` is the largest audience that
    ``broadcast`` posts to itself; larger ones go to the delivery queue. ``posts_per_second`` is this
    function's part of the account's rate; None disables the limit. Only tests, which can't wait so long,
    change ``connection_life`` and ``frames_per_second``.

    ``stage`` (STAGE) is a dimension of the metrics. Only the local gateway sets ``log_file`` (LOG_FILE),
    which gets the log too, and ``log_format`` (LOG_FORMAT): ``text`` for people at a terminal, else ``json``.
    ``keys`` are the credentials that Lambda puts into the environment; None if they are kept elsewhere.
    """

    region: str
    sessions_table: str
    connections_table: str
    sessions_stream_arn: str
    jwt_secret_parameter: str
    jwt_secret_file: str
    jwt_issuer: str
    push_endpoint: str
    rest_url: str
    websocket_url: str
    dynamodb_endpoint: str | None
    sqs_endpoint: str | None
    aws_endpoint: str | None
    audience_shards: int
    connection_life: ConnectionLife
    frames_per_second: int
    inline_audience: int
    posts_per_second: int | None
    delivery_queue_url: str
    delivery_queue_arn: str
    stream_failure_queue_url: str
    log_level: str
    log_file: str
    log_format: str
    stage: str
    keys: Keys | None

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Read the environment. Raises SettingsError if a variable is not valid."""
        everywhere = env.get("AWS_ENDPOINT_URL") or None
        return cls(
            region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
            sessions_table=env.get("SESSIONS_TABLE", "game-night-live-local-sessions"),
            connections_table=env.get("CONNECTIONS_TABLE", "game-night-live-local-connections"),
            sessions_stream_arn=env.get("SESSIONS_STREAM_ARN", ""),
            jwt_secret_parameter=env.get("JWT_SECRET_PARAMETER", ""),
            jwt_secret_file=env.get("JWT_SECRET_FILE", ""),
            jwt_issuer=env.get("JWT_ISSUER", "game-night-live"),
            push_endpoint=env.get("PUSH_ENDPOINT") or MANAGEMENT_ENDPOINT,
            rest_url=env.get("REST_URL", ""),
            websocket_url=env.get("WEBSOCKET_URL", ""),
            dynamodb_endpoint=env.get("AWS_ENDPOINT_URL_DYNAMODB") or everywhere,
            sqs_endpoint=env.get("AWS_ENDPOINT_URL_SQS") or everywhere,
            aws_endpoint=everywhere,
            audience_shards=_positive(env, "AUDIENCE_SHARDS", AUDIENCE_SHARDS),
            connection_life=ConnectionLife(
                to_authenticate=_positive(env, "SECONDS_TO_AUTHENTICATE", LIFE.to_authenticate),
                expiring=_positive(env, "TOKEN_EXPIRING_SECONDS", LIFE.expiring),
                max_age=_positive(env, "CONNECTION_MAX_AGE_SECONDS", LIFE.max_age),
            ),
            frames_per_second=_positive(env, "FRAMES_PER_SECOND", FRAMES_PER_SECOND),
            inline_audience=_positive(env, "INLINE_AUDIENCE", 500),
            posts_per_second=_positive(env, "POSTS_PER_SECOND", 1) if env.get("POSTS_PER_SECOND") else None,
            delivery_queue_url=env.get("DELIVERY_QUEUE_URL", ""),
            delivery_queue_arn=env.get("DELIVERY_QUEUE_ARN") or LOCAL_QUEUE_ARN,
            stream_failure_queue_url=env.get("STREAM_FAILURE_QUEUE_URL", ""),
            log_level=_one_of(LOG_LEVELS, env.get("LOG_LEVEL", "INFO").upper(), "LOG_LEVEL"),
            log_file=env.get("LOG_FILE", ""),
            log_format=_one_of(LOG_FORMATS, env.get("LOG_FORMAT", JSON_LINES).lower(), "LOG_FORMAT"),
            stage=env.get("STAGE", "local"),
            keys=_keys(env),
        )


def _keys(env: Mapping[str, str]) -> Keys | None:
    access_key, secret_key = env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        return None
    return Keys(access_key, secret_key, env.get("AWS_SESSION_TOKEN") or None)


def trace_id(env: Mapping[str, str] = os.environ) -> str | None:
    """Return X-Ray's trace id of this invocation. Lambda sets it anew for each."""
    parts = (part.partition("=") for part in env.get("_X_AMZN_TRACE_ID", "").split(";"))
    return next((value for name, _, value in parts if name == "Root"), None)


def _one_of(choices: Sequence[str], value: str, name: str) -> str:
    if value not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}; it is {value!r}.")
    return value


def _positive(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingsError(f"{name} must be a whole number above 0; it is {text!r}.")
    return int(text)
