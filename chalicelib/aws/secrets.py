"""Where the token secrets are kept: an SSM SecureString on AWS, a git-ignored file on a laptop."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.auth.secrets import SecretsUnreadable, TokenSecrets

PATIENCE = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "max_attempts": 2})
"""Whoever shows a token waits for this; with botocore's own minute a function would be ended before."""


class ParameterSecrets:
    """``ports.SecretSource`` on SSM. The client is made when it is first needed."""

    def __init__(self, name: str, region: str, endpoint: str | None) -> None:
        self._name = name
        self._region = region
        self._endpoint = endpoint

    def load(self) -> TokenSecrets:
        """Return the parameter's secrets. Raises SecretsUnreadable."""
        client: Any = botocore.session.get_session().create_client(
            "ssm", region_name=self._region, endpoint_url=self._endpoint, config=PATIENCE
        )
        try:
            answer = client.get_parameter(Name=self._name, WithDecryption=True)
        except (BotoCoreError, ClientError) as error:
            raise SecretsUnreadable(f"The SSM parameter {self._name} can't be read.") from error
        return TokenSecrets.parse(answer["Parameter"]["Value"])


@dataclass(frozen=True, slots=True)
class FileSecrets:
    """``ports.SecretSource`` on a file."""

    path: Path

    def load(self) -> TokenSecrets:
        """Return the file's secrets. Raises SecretsUnreadable."""
        try:
            return TokenSecrets.parse(self.path.read_text())
        except OSError as error:
            raise SecretsUnreadable(f"The token secrets can't be read: {error.strerror}.") from error
