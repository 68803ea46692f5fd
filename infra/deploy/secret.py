"""The secret that a stage's tokens are signed with, in SSM: made once, rotated, seen by nobody."""

from typing import Any

from botocore.exceptions import ClientError

from chalicelib.auth.secrets import TokenSecrets
from infra.deploy.errors import DeploymentError, code_of
from infra.token_secrets import new_secrets


def ensure_secret(ssm: Any, name: str) -> bool:
    """Make the SecureString if there is none, and say whether it was made; one that is there stays."""
    try:
        # Overwrite=False makes two runs at once agree on one secret.
        ssm.put_parameter(
            Name=name,
            Description="What Game Night Live signs tokens with. Whoever reads it can be anyone.",
            Type="SecureString",
            Value=new_secrets().document(),
            Overwrite=False,
        )
    except ClientError as error:
        if code_of(error) == "ParameterAlreadyExists":
            return False
        raise
    return True


class SecretParameter:
    """A ``SecretKeeper`` on SSM, which has no conditional writes: two at once are told of it afterwards."""

    def __init__(self, ssm: Any, name: str) -> None:
        self._ssm = ssm
        self._name = name
        self._version = 0

    def read(self) -> TokenSecrets:
        """See the port. Raises DeploymentError where there is nothing."""
        try:
            parameter = self._ssm.get_parameter(Name=self._name, WithDecryption=True)["Parameter"]
        except ClientError as error:
            if code_of(error) == "ParameterNotFound":
                raise DeploymentError(
                    f"There is no secret {self._name} in this account and Region. `gamenight stage deploy` "
                    "makes it; is this the right stage?"
                ) from error
            raise
        self._version = parameter["Version"]
        return TokenSecrets.parse(parameter["Value"])

    def replace(self, secrets: TokenSecrets) -> None:
        """See the port. Raises DeploymentError where somebody else has written since ``read``."""
        answer = self._ssm.put_parameter(
            Name=self._name, Type="SecureString", Value=secrets.document(), Overwrite=True
        )
        if answer["Version"] != self._version + 1:
            raise DeploymentError(
                f"Somebody else has changed {self._name} at the same moment, and what they wrote is lost: "
                "tokens of the last seconds may be refused, and have to be made again."
            )
