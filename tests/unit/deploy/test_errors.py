import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from infra.deploy.output import DeploymentError, explained


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
            "may not do CreateFunction: said AWS\ninfra/deploy/deployer-policy.json",
        ),
        (refusal("LimitExceededException"), "refused CreateFunction (LimitExceededException): said AWS"),
    ],
)
def test_what_aws_refuses_is_told_with_what_to_do(error: Exception, advice: str) -> None:
    with pytest.raises(DeploymentError) as told, explained():
        raise error

    assert advice in told.value.message
