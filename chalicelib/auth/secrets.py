"""Reads and writes the secrets that tokens are signed with, as one JSON document."""

import json
from dataclasses import asdict, dataclass, field
from typing import Self


class SecretsUnreadable(Exception):
    """The secrets are missing or damaged. The message never holds any of them."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One signing secret and the ``kid`` that tokens name it by.

    ``until`` is the Unix second at which it verifies no more; None where no end is set. The secret itself is
    not in the ``repr``, which is what ends up in tracebacks.
    """

    kid: str
    secret: str = field(repr=False)
    until: int | None = None

    def accepted(self, now: float) -> bool:
        """Whether tokens that it signed are good at a Unix second."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class TokenSecrets:
    """The secret that signs, and during a rotation the one that still verifies."""

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
        return json.dumps(asdict(self))

    def verifying(self, kid: str | None, now: float) -> str | None:
        """Return the secret for a token's ``kid``; a token without one was signed with the current.

        ``now`` is in Unix seconds.
        """
        if kid is None or kid == self.current.kid:
            return self.current.secret
        previous = self.previous
        if previous is not None and kid == previous.kid and previous.accepted(now):
            return previous.secret
        return None
