"""app.py as Lambda enters it, with raw events, on moto's DynamoDB."""

import importlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib import bootstrap
from chalicelib.auth.claims import Role
from chalicelib.auth.secret_file import FileSecrets
from chalicelib.auth.tokens import TokenIssuer
from infra.deploy.template import tables

SESSIONS = tables("test")["SessionsTable"]
SECRETS = '{"current": {"kid": "k1", "secret": "0123456789012345678901234567890123456789"}}'


@dataclass(frozen=True, slots=True)
class Answer:
    """What API Gateway would send."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Service:
    """The REST API, with an admin's and a bot's token."""

    def __init__(self, handler: Callable[[Any, Any], Any], issuer: TokenIssuer) -> None:
        self._handler = handler
        self.admin = issuer.mint("host", Role.ADMIN, 600)
        self.bot = issuer.mint("kosmi", Role.BOT, 600)

    def ask(
        self,
        method: str,
        route: str,
        body: Any = None,
        *,
        token: str | None = "",
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        session_id: str | None = None,
    ) -> Answer:
        """Send a request to a route as it is registered, such as ``/api/sessions/{session_id}``."""
        sent = {"Host": "nights.example", "X-Forwarded-Proto": "https", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.admin}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        path = {} if session_id is None else {"session_id": session_id}
        query = query or {}
        event = {
            "httpMethod": method,
            "path": route.format(**path),
            "headers": sent,
            "multiValueHeaders": {name: [value] for name, value in sent.items()},
            "queryStringParameters": query or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
            "pathParameters": path or None,
            "stageVariables": None,
            "body": None if body is None else body if isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
            "requestContext": {
                "httpMethod": method,
                "resourcePath": route,
                "path": f"/dev{route.format(**path)}",
                "requestId": "r-1",
                "stage": "dev",
            },
        }
        answer = self._handler(event, None)
        return Answer(answer["statusCode"], answer["headers"], answer["body"])


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
        "JWT_SECRET_FILE": str(secrets),
        "SESSIONS_STREAM_ARN": "arn:aws:dynamodb:us-east-1:123456789012:table/sessions/stream/now",
        "WEBSOCKET_URL": "wss://nights.example/live",
        "LOG_LEVEL": "INFO",
    }.items():
        monkeypatch.setenv(name, value)
    bootstrap.settings.cache_clear()
    bootstrap.application.cache_clear()
    with mock_aws():
        boto3.client("dynamodb").create_table(**SESSIONS.create)
        issuer = TokenIssuer(FileSecrets(secrets), bootstrap.settings().jwt_issuer)
        yield Service(importlib.import_module("app").app, issuer)
    application = bootstrap.application()
    if "_runner" in vars(application):
        application._runner.close()  # its loop; an execution environment just ends
    bootstrap.settings.cache_clear()
    bootstrap.application.cache_clear()
