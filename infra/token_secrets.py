"""Creates and rotates the secret that signs tokens, wherever it is stored.

The new secret signs at once. The previous one is accepted until a time that is stored beside it, so no bot
notices. ``infra.deploy.provision`` and ``infra.local.state`` keep them.
"""

import secrets
from typing import Protocol

from click import ClickException
from msgspec.structs import replace

from chalicelib.auth.secrets import Secret, TokenSecrets


class SecretKeeper(Protocol):
    """Stores a stage's token secrets."""

    def read(self) -> TokenSecrets:
        """Return the secrets as they are now. Raises SecretsUnreadable."""
        ...

    def replace(self, secrets: TokenSecrets) -> None:
        """Replace the secrets."""
        ...


class RotationUnderWay(ClickException):
    """The previous secret is still accepted; the message says what to do."""


def new_secrets() -> TokenSecrets:
    """Return the secrets of a stage that has none yet."""
    return TokenSecrets(_new_secret())


def rotated(known: TokenSecrets, now: float, until: int) -> TokenSecrets:
    """Return the secrets with a new one that signs; the current one is accepted ``until`` a Unix second.

    Only two are ever accepted. Raises RotationUnderWay if that would end another one early.
    """
    if known.previous is not None and known.previous.accepted(now):
        raise RotationUnderWay(
            f"The secret {known.previous.kid} of an earlier rotation is still accepted. Another rotation "
            "would end its tokens now. If you want that, or if no bot has such a token any more, run it with "
            "--finish first, and rotate again."
        )
    return TokenSecrets(_new_secret(), replace(known.current, until=until))


def finished(known: TokenSecrets) -> TokenSecrets:
    """Return the secrets with the current one alone."""
    return TokenSecrets(known.current)


def _new_secret() -> Secret:
    return Secret(secrets.token_hex(4), secrets.token_urlsafe(48))
