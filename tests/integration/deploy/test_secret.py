"""A rotation of a deployed stage: what the commands write to SSM is what the functions read."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from chalicelib.auth.claims import Role
from chalicelib.auth.secrets import SecretsUnreadable
from chalicelib.auth.tokens import JwtVerifier
from chalicelib.aws.secrets import ParameterSecrets
from chalicelib.errors import TokenInvalid
from chalicelib.retry import Backoff, RetryPolicy
from infra.cli.stage.rotate_secret import rotate_secret
from infra.cli.token import token
from infra.deploy.output import DeploymentError
from infra.deploy.provision import SecretParameter, ensure_secret
from infra.token_secrets import finished, rotated

NAME = "/game-night-live/dev/jwt-secret"
REGION = "us-east-1"


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in (("ACCESS_KEY_ID", "testing"), ("SECRET_ACCESS_KEY", "testing"), ("REGION", REGION)):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("ssm", REGION)
        ensure_secret(client, NAME)
        yield client


def minted() -> str:
    return CliRunner().invoke(token, ["--stage", "dev", "--role", "bot"]).stdout.strip()


def verifier() -> JwtVerifier:
    return JwtVerifier(ParameterSecrets(NAME, REGION, None), "game-night-live")


def test_both_secrets_are_accepted_during_a_rotation(ssm: Any) -> None:
    living, old = verifier(), minted()
    living.verify(old)

    begun = CliRunner().invoke(rotate_secret, ["--stage", "dev", "--json"])
    new = minted()
    during = [living.verify(one).role for one in (old, new)]
    kept = ssm.get_parameter(Name=NAME)["Parameter"]
    ended = CliRunner().invoke(rotate_secret, ["--stage", "dev", "--finish"])

    assert json.loads(begun.stdout)["stage"] == "dev"
    assert (kept["Type"], kept["Version"]) == ("SecureString", 2)
    assert ended.exit_code == 0
    assert during == [Role.BOT, Role.BOT]
    assert verifier().verify(new).role is Role.BOT
    with pytest.raises(TokenInvalid):
        verifier().verify(old)


@pytest.mark.usefixtures("ssm")
def test_a_stage_that_is_not_deployed_is_told_of() -> None:
    result = CliRunner().invoke(rotate_secret, ["--stage", "prod"])

    assert result.exit_code == 1
    assert "/game-night-live/prod/jwt-secret" in result.stderr


def test_two_who_rotate_at_once_are_told_of_it(ssm: Any) -> None:
    one, another = SecretParameter(ssm, NAME), SecretParameter(ssm, NAME)
    known = one.read()
    another.read()
    one.replace(rotated(known, now=0, until=1))

    with pytest.raises(DeploymentError, match="at the same moment"):
        another.replace(finished(known))


def test_a_silent_store_is_told_of_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    # With botocore's own patience this would take five minutes, which no test has.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(SecretsUnreadable, match=NAME):
            ParameterSecrets(NAME, REGION, url, Backoff(RetryPolicy(2, 0.1, 0.1))).load()
