"""Caches the token secrets, and notices rotations.

A process reads them again after a minute, and at once for a token with an unknown ``kid``.
"""

import logging
import time
from collections.abc import Callable

from chalicelib.auth.ports import SecretSource
from chalicelib.auth.secrets import SecretsUnreadable, TokenSecrets
from chalicelib.errors import Unavailable

REFRESH_SECONDS = 60.0
"""How soon a process notices that a secret is no longer accepted."""

BETWEEN_LOOKS_SECONDS = 1.0
"""The least time between two reads for an unknown ``kid``: made-up ones must not cause a read each."""

STALE_SECONDS = 600.0
"""How long cached secrets are used while they can't be read. A leaked one must not verify for ever."""

logger = logging.getLogger(__name__)


class SecretCache:
    """Caches a ``SecretSource``. Both clocks are in seconds, ``now`` in Unix seconds."""

    def __init__(
        self,
        source: SecretSource,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._monotonic = monotonic
        self._now = now
        self._known: TokenSecrets | None = None
        self._read_at = self._tried_at = self._looked_at = float("-inf")

    def verifying(self, kid: str | None) -> str | None:
        """Return the secret that a token was signed with; None if none in use has this ``kid``.

        Raises Unavailable if the secrets can't be read.
        """
        secrets = self._fresh()
        key = secrets.verifying(kid, self._now())
        if key is None and self._monotonic() - self._looked_at >= BETWEEN_LOOKS_SECONDS:
            self._looked_at = self._monotonic()
            key = self._read().verifying(kid, self._now())
        return key

    def _fresh(self) -> TokenSecrets:
        age = self._monotonic() - max(self._read_at, self._tried_at)
        due = REFRESH_SECONDS if self._tried_at <= self._read_at else BETWEEN_LOOKS_SECONDS
        return self._read() if self._known is None or age > due else self._known

    def _read(self) -> TokenSecrets:
        try:
            self._known = self._source.load()
        except SecretsUnreadable as error:
            self._tried_at = self._monotonic()
            logger.error("the token secrets can't be read", extra={"detail": str(error)})  # noqa: TRY400 - the trace adds nothing
            if self._known is None or self._tried_at - self._read_at > STALE_SECONDS:
                raise Unavailable("Tokens can't be verified at the moment. Try again in a moment.") from error
        else:
            self._read_at = self._monotonic()
        return self._known
