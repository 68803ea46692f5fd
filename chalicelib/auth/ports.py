"""Protocols of what tokens need."""

from typing import Protocol

from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.auth.secrets import TokenSecrets


class SecretSource(Protocol):
    """Where the token secrets are."""

    def load(self) -> TokenSecrets:
        """Return the secrets as they are now. Raises SecretsUnreadable."""


class TokenVerifier(Protocol):
    """Turning a token into claims."""

    def verify(self, token: str) -> Claims:
        """Return the claims. Raises TokenInvalid, TokenExpired, or Unavailable where none can be verified."""


class TokenSigner(Protocol):
    """Turning claims into a token."""

    def fresh(self) -> "TokenSigner":
        """Return a signer that has read the secrets as they are now, once. Raises SecretsUnreadable."""

    def issue(self, subject: str, role: Role, ttl_seconds: int) -> TokenTerms:
        """Return the terms of a token that is good for so long from now. Raises SecretsUnreadable."""

    def sign(self, terms: TokenTerms) -> str:
        """Return the token: the same terms make the same token for as long as their secret is in use.

        Raises SecretsUnreadable.
        """
