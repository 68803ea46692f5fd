"""What can go wrong with a deployment, said to the person at the terminal.

``explained`` is the one place where what the AWS SDK raises becomes an error of ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from click import ClickException

NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.ProfileNotFound,
    exceptions.TokenRetrievalError,
)
NOT_CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken"}
    | {"InvalidSignatureException", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)
NOT_PERMITTED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Forbidden"})

SIGN_IN = (
    "Sign in with `aws sso login` or `aws configure`, name a profile with AWS_PROFILE, or set "
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. `aws sts get-caller-identity` shows whether it works."
)
NO_REGION = (
    "No AWS Region is chosen. Set AWS_REGION, for example AWS_REGION=us-east-1, or `region` in your AWS "
    "profile."
)
NOT_REACHED = (
    "Check that the Region exists (AWS_REGION), that this machine is online, and that AWS_ENDPOINT_URL is "
    "unset or serves."
)


class DeploymentError(ClickException):
    """A deployment can't go on; the message says what happened and what to do."""


@contextmanager
def explained() -> Iterator[None]:
    """Raise DeploymentError, with what to do about it, for whatever the AWS SDK raises."""
    try:
        yield
    except NO_CREDENTIALS as error:
        raise DeploymentError(f"There are no usable AWS credentials: {error}. {SIGN_IN}") from error
    except exceptions.NoRegionError as error:
        raise DeploymentError(NO_REGION) from error
    except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError) as error:
        raise DeploymentError(f"AWS can't be reached: {error} {NOT_REACHED}") from error
    except ClientError as error:
        raise DeploymentError(_advice(error)) from error
    except BotoCoreError as error:
        raise DeploymentError(f"AWS could not be asked: {error}") from error


def code_of(error: ClientError) -> str:
    """Return AWS's short name of an error."""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code


def _advice(error: ClientError) -> str:
    code, said = code_of(error), error.response.get("Error", {}).get("Message", "")
    if code in NOT_CREDENTIALS:
        return f"AWS does not accept the credentials ({code}: {said}). {SIGN_IN}"
    if code in NOT_PERMITTED:
        return (
            f"These credentials may not do {error.operation_name}: {said}\n"
            "docs/deploying.md lists what a person who deploys needs to be allowed to do."
        )
    return f"AWS refused {error.operation_name} ({code}): {said}"
