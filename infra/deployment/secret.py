"""The secret that a stage's tokens are signed with: made once, in SSM, seen by nobody."""

import json
import secrets
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.errors import code_of


def new_document() -> str:
    """Return a fresh secret as ``chalicelib.domain.token_secrets`` reads it."""
    current = {"kid": secrets.token_hex(4), "secret": secrets.token_urlsafe(48)}
    return json.dumps({"current": current, "previous": None})


def ensure_secret(ssm: Any, name: str) -> bool:
    """Make the SecureString if there is none, and say whether it was made; one that is there stays."""
    try:
        # Overwrite=False makes two runs at once agree on one secret.
        ssm.put_parameter(
            Name=name,
            Description="What Game Night Live signs tokens with. Whoever reads it can be anyone.",
            Type="SecureString",
            Value=new_document(),
            Overwrite=False,
        )
    except ClientError as error:
        if code_of(error) == "ParameterAlreadyExists":
            return False
        raise
    return True


def delete_secret(ssm: Any, name: str) -> bool:
    """Delete the secret and say whether there was one. Every token of the stage is void from then on."""
    try:
        ssm.delete_parameter(Name=name)
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return False
        raise
    return True
