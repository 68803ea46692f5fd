"""Reads the token secrets of a stage on AWS from an SSM SecureString."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session, get_session

from chalicelib.auth.secrets import SecretsUnreadable, TokenSecrets
from chalicelib.aws.sdk_errors import SDK_RETRIES_OFF, is_retryable
from chalicelib.retry import Backoff, RetryPolicy

CLIENT = Config(connect_timeout=2, read_timeout=2, retries=SDK_RETRIES_OFF)
"""The caller with the token waits for this read. botocore's default of a minute outlasts the function."""

RATE = RetryPolicy(attempts=20, base_seconds=0.1, cap_seconds=2.0)
"""SSM allows 40 reads a second for the whole account: 300 cold functions need 8 seconds."""


class ParameterSecrets:
    """``ports.SecretSource`` on SSM. ``session`` is called at the first read."""

    def __init__(
        self,
        name: str,
        region: str,
        endpoint: str | None,
        backoff: Backoff | None = None,
        session: Callable[[], Session] = get_session,
    ) -> None:
        self._backoff = backoff or Backoff(RATE)
        self._name = name
        self._region = region
        self._endpoint = endpoint
        self._session = session

    def load(self) -> TokenSecrets:
        """Return the parameter's secrets. Raises SecretsUnreadable."""
        failure: Exception | None = None
        for _ in self._backoff.attempts():
            try:
                answer = self._client.get_parameter(Name=self._name, WithDecryption=True)
            except (BotoCoreError, ClientError) as error:
                failure = error
                if not is_retryable(error):
                    break
            else:
                return TokenSecrets.parse(answer["Parameter"]["Value"])
        raise SecretsUnreadable(f"The SSM parameter {self._name} can't be read.") from failure

    @cached_property
    def _client(self) -> Any:
        return self._session().create_client(
            "ssm", region_name=self._region, endpoint_url=self._endpoint, config=CLIENT
        )
