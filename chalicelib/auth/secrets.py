"""Reads and writes the secrets that sign tokens, as one JSON document."""

import json
from typing import Self

import msgspec


class SecretsUnreadable(Exception):
    """The secrets are missing or damaged. The message never contains a secret."""


class Secret(msgspec.Struct, frozen=True):
    """One signing secret and the ``kid`` that tokens name it by.

    ``until`` is the Unix second at which it stops verifying; None if no end is set. The ``repr`` omits the
    secret, because tracebacks show it.
    """

    kid: str
    secret: str
    until: int | None = None

    def __repr__(self) -> str:
        return f"Secret(kid={self.kid!r}, until={self.until!r})"

    def accepted(self, now: float) -> bool:
        """Whether the tokens that it signed are valid at a Unix second."""
        return self.until is None or now < self.until


class TokenSecrets(msgspec.Struct, frozen=True):
    """The secret that signs and, during a rotation, the previous one, which still verifies."""

    current: Secret
    previous: Secret | None = None

    @classmethod
    def parse(cls, document: str) -> Self:
        """Read ``{"current": {"kid", "secret"}, "previous": {..., "until"?} or null}``.

        Raises SecretsUnreadable.
        """
        try:
            content = json.loads(document)
            previous = content.get("previous")
            return cls(Secret(**content["current"]), Secret(**previous) if previous else None)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SecretsUnreadable(
                "The token secrets are not the JSON document that was expected."
            ) from None

    def document(self) -> str:
        """Return the text that ``parse`` reads."""
        return json.dumps(msgspec.to_builtins(self))

    def verifying(self, kid: str | None, now: float) -> str | None:
        """Return the secret for a token's ``kid``: the current one for a token without a ``kid``.

        ``now`` is in Unix seconds.
        """
        if kid is None or kid == self.current.kid:
            return self.current.secret
        previous = self.previous
        if previous is not None and kid == previous.kid and previous.accepted(now):
            return previous.secret
        return None
