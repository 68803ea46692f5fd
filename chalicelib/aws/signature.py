"""What AWS Signature Version 4 asks for wherever it is used: credentials, and a key made of them.

Leaves what is signed to those who send it: ``push.signing`` and ``aws.json_api``.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
from dataclasses import dataclass, field
from typing import Protocol


class Credentials(Protocol):
    """What a signature is made with; botocore's frozen credentials are such, and may be empty."""

    @property
    def access_key(self) -> str | None:
        """The key's public name."""
        ...

    @property
    def secret_key(self) -> str | None:
        """The key."""
        ...

    @property
    def token(self) -> str | None:
        """The session token of temporary credentials."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials as they were read. What is secret of them is in no ``repr``."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def signing_key(secret_key: str | None, scope: str) -> bytes:
    """Return the key for a scope: ``date/region/service/aws4_request``."""
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
