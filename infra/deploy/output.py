"""Shows what a command does, and turns an error of AWS into advice."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

NOT_CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken"}
    | {"InvalidSignatureException", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
THROTTLED = frozenset(
    {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
)
NOT_PERMITTED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"})

SIGN_IN = (
    "Sign in with `aws sso login` or `aws configure`, name a profile with AWS_PROFILE, or set "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. `aws sts get-caller-identity` shows whether it works."
)
AGAIN = "When the cause is removed, run the same command again: it goes on from where things are."
NO_CREDENTIALS = f"There are no usable AWS credentials: {{}}. {SIGN_IN}"
NOT_REACHED = (
    "AWS can't be reached: {} Check that the Region exists (AWS_REGION), that this machine is online, and "
    f"that AWS_ENDPOINT_URL is unset or serves. {AGAIN}"
)
ADVICE = {
    exceptions.NoCredentialsError: NO_CREDENTIALS,
    exceptions.PartialCredentialsError: NO_CREDENTIALS,
    exceptions.ProfileNotFound: NO_CREDENTIALS,
    exceptions.TokenRetrievalError: NO_CREDENTIALS,
    exceptions.CredentialRetrievalError: NO_CREDENTIALS,
    exceptions.SSOError: NO_CREDENTIALS,
    exceptions.NoRegionError: "No AWS Region is chosen. Set AWS_REGION, for example AWS_REGION=us-east-1, or "
    "`region` in your AWS profile.",
    exceptions.ConnectionError: NOT_REACHED,
    exceptions.HTTPClientError: NOT_REACHED,
    BotoCoreError: f"Asking AWS failed: {{}} {AGAIN}",
}
"""The advice for each error of botocore: the first that fits."""


class Progress:
    """Shows what happens, on standard output or with ``err`` on standard error."""

    def __init__(self, *, err: bool = False) -> None:
        self._err = err

    def step(self, text: str) -> None:
        """Begin a step."""
        click.secho(f"==> {text}", bold=True, err=self._err)

    def detail(self, *lines: str) -> None:
        """Say what the step is doing, or what it found."""
        for line in lines:
            click.echo(f"    {line}", err=self._err)

    def warning(self, text: str) -> None:
        """Say what a person should look at. The step goes on."""
        click.secho(f"    Note: {text}", fg="yellow", err=self._err)


class DeploymentError(click.ClickException):
    """A deployment can't go on; the message says what happened and what to do."""


@contextmanager
def explained() -> Iterator[None]:
    """Raise DeploymentError, with what to do about it, for whatever the AWS SDK raises."""
    try:
        yield
    except ClientError as error:
        raise DeploymentError(advice(error)) from error
    except BotoCoreError as error:
        text = next(text for kind, text in ADVICE.items() if isinstance(error, kind))
        raise DeploymentError(text.format(error)) from error


def code_of(error: ClientError) -> str:
    """Return AWS's short name of an error."""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


def advice(error: ClientError) -> str:
    """Return what AWS refused, why, and what to do about it."""
    code, said = code_of(error), error.response.get("Error", {}).get("Message", "")
    if code in NOT_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}: {said}). {SIGN_IN}"
    if error.operation_name.startswith("AssumeRole"):
        return f"The role of the AWS profile can't be assumed ({code}: {said}). {SIGN_IN}"
    if code in NOT_PERMITTED:
        return (
            f"These credentials may not do {error.operation_name} ({code}): {said}\n"
            "A deployment needs the rights in infra/deploy/deployer-policy.json, and those in "
            f"events-policy.json if the stage has an event bus. {AGAIN}"
        )
    if code in THROTTLED:
        return (
            f"AWS accepts no more {error.operation_name} calls at the moment ({code}: {said}). Wait a "
            "minute, and run the same command again: it goes on from where things are."
        )
    return f"AWS refused {error.operation_name} ({code}): {said}\n{AGAIN}"
