import subprocess
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ReadTimeoutError,
    UnauthorizedSSOTokenError,
    WaiterError,
)

from infra.deploy.chalice.command import chalice
from infra.deploy.output import AGAIN, DeploymentError, explained


def refusal(code: str, message: str = "said AWS") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateFunction")


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (NoCredentialsError(), "aws sso login"),
        (ProfileNotFound(profile="games"), "AWS_PROFILE"),
        (NoRegionError(), "Set AWS_REGION"),
        (EndpointConnectionError(endpoint_url="https://lambda.nowhere.amazonaws.com"), "the Region exists"),
        (refusal("ExpiredTokenException"), "aws sso login"),
        (
            refusal("AccessDeniedException"),
            "may not do CreateFunction (AccessDeniedException): said AWS\nA deployment needs the rights in",
        ),
        (refusal("LimitExceededException"), "refused CreateFunction (LimitExceededException): said AWS"),
        (refusal("TooManyRequestsException"), "Wait a minute, and run the same command again"),
        (refusal("InvalidParameterValueException", "The role cannot be assumed"), AGAIN),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"), "name a profile with AWS_PROFILE"),
        (ConnectionClosedError(endpoint_url="https://lambda"), AGAIN),
        (ReadTimeoutError(endpoint_url="https://lambda"), "this machine is online"),
        (CredentialRetrievalError(provider="sso", error_msg="expired"), "aws sso login"),
        (UnauthorizedSSOTokenError(), "aws sso login"),
        (WaiterError(name="FunctionUpdatedV2", reason="failed", last_response={}), AGAIN),
    ],
)
def test_what_aws_refuses_is_told_with_what_to_do(error: Exception, advice: str) -> None:
    with pytest.raises(DeploymentError) as told, explained():
        raise error

    assert advice in told.value.message


TRACEBACK = """Traceback (most recent call last):
  File "planner.py", line 1, in execute
{}

ChaliceDeploymentError: ERROR - While deploying your chalice application, received the following error:

 {}
"""


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("An error occurred (ExpiredToken) when calling the GetRestApis operation: it is", "aws sso login"),
        (
            "An error occurred (Throttling) when calling the GetApis operation (reached max retries: 9): No",
            "AWS accepts no more GetApis calls at the moment (Throttling: No)",
        ),
        ("Unable to connect to https://lambda.us-east-1.amazonaws.com", f"amazonaws.com\n{AGAIN}"),
    ],
)
def test_what_chalice_says_is_told_without_its_traceback(
    said: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], 2, stderr=TRACEBACK.format(said, said))
    monkeypatch.setattr("infra.deploy.chalice.command.subprocess.run", lambda *_, **__: failed)

    with pytest.raises(DeploymentError) as told:
        chalice(Path(), ["deploy"], "us-east-1")

    assert advice in told.value.message
    assert "Traceback" not in told.value.message
