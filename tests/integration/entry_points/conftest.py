"""app.py as Lambda enters it, with raw events, on moto's DynamoDB."""

import importlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib import bootstrap
from chalicelib.auth.claims import Role
from chalicelib.auth.secret_file import FileSecrets
from chalicelib.auth.tokens import TokenIssuer
from infra.local.apigateway.rest_event import RestRequest, rest_event
from infra.local.deployment import Moment
from infra.template import tables

SESSIONS, CONNECTIONS = (tables("test")[name] for name in ("SessionsTable", "ConnectionsTable"))
SECRETS = '{"current": {"kid": "k1", "secret": "0123456789012345678901234567890123456789"}}'


class Context:
    """What a handler asks of its Lambda context."""

    function_name = "game-night-live-dev-websocket_disconnect"
    aws_request_id = "i-1"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Service:
    """The handlers, and an admin's token."""

    def __init__(self, app: Any, issuer: TokenIssuer) -> None:
        self.app = app
        self._token = issuer.mint("host", Role.ADMIN, 600)

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
        """Send a request as the admin; its status and body."""
        headers = [("Host", "nights.example"), ("X-Forwarded-Proto", "https")]
        headers += [("Authorization", f"Bearer {self._token}"), ("Content-Type", "application/json")]
        headers += [("Idempotency-Key", key)] if key else []
        sent = b"" if body is None else json.dumps(body).encode()
        request = RestRequest(method, path, "", headers, sent, "127.0.0.1")
        answer = self.app.app(rest_event(self.app.app.routes, request, Moment.present()), None)
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL")]:
        monkeypatch.delenv(name)
    secrets = tmp_path / "secrets.json"
    secrets.write_text(SECRETS)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SESSIONS_TABLE": SESSIONS.name,
        "CONNECTIONS_TABLE": CONNECTIONS.name,
        "JWT_SECRET_FILE": str(secrets),
        "SESSIONS_STREAM_ARN": "arn:aws:dynamodb:us-east-1:123456789012:table/sessions/stream/now",
        "WEBSOCKET_URL": "wss://nights.example/live",
        "LOG_LEVEL": "INFO",
    }.items():
        monkeypatch.setenv(name, value)
    bootstrap.settings.cache_clear()
    bootstrap.application.cache_clear()
    with mock_aws():
        for table in (SESSIONS, CONNECTIONS):
            boto3.client("dynamodb").create_table(**table.create)
        issuer = TokenIssuer(FileSecrets(secrets), bootstrap.settings().jwt_issuer)
        yield Service(importlib.import_module("app"), issuer)
    application = bootstrap.application()
    if "_runner" in vars(application):
        application._runner.close()  # its loop; an execution environment just ends
    bootstrap.settings.cache_clear()
    bootstrap.application.cache_clear()
