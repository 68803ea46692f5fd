"""The secrets that tokens are signed with, as one document. Leaves keeping it to ``storage.secrets``."""

import json
from dataclasses import dataclass
from typing import Self


class SecretsUnreadable(Exception):
    """The secrets are missing or damaged. The message never holds any of them."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One signing secret and the ``kid`` that tokens name it by."""

    kid: str
    secret: str


@dataclass(frozen=True, slots=True)
class TokenSecrets:
    """The secret that signs, and during a rotation the one that still verifies."""

    current: Secret
    previous: Secret | None = None

    @classmethod
    def parse(cls, document: str) -> Self:
        """Read ``{"current": {"kid", "secret"}, "previous": {...} or null}``. Raises SecretsUnreadable."""
        try:
            content = json.loads(document)
            previous = content.get("previous")
            return cls(Secret(**content["current"]), Secret(**previous) if previous else None)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SecretsUnreadable(
                "The token secrets are not the JSON document that was expected."
            ) from None

    def verifying(self, kid: str | None) -> str | None:
        """Return the secret for a token's ``kid``; a token without one was signed with the current."""
        if kid is None or kid == self.current.kid:
            return self.current.secret
        if self.previous is not None and kid == self.previous.kid:
            return self.previous.secret
        return None
