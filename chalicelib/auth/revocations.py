"""Refuses tokens whose subject was revoked after they were issued."""

import time
from collections.abc import Callable

from chalicelib.auth.claims import Claims
from chalicelib.auth.ports import RevocationStore, TokenVerifier
from chalicelib.errors import TokenRevoked

CACHE_SECONDS = 5.0
"""How long REST caches a subject's revocation: half of what SECURITY.md promises."""

MAX_CACHED = 10_000
"""Cached subjects of one process. At this number the cache is emptied."""


class RevocableVerifier:
    """A ``ports.TokenVerifier`` that refuses revoked tokens.

    The store's answer for a subject is cached for ``cache_seconds``. ``monotonic`` is in seconds.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        revocations: RevocationStore,
        cache_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verifier = verifier
        self._revocations = revocations
        self._cache_seconds = cache_seconds
        self._monotonic = monotonic
        self._cached: dict[str, tuple[float | None, float]] = {}

    def verify(self, token: str) -> Claims:
        """See the port. Raises TokenRevoked too."""
        claims = self._verifier.verify(token)
        revoked_at = self._revoked_at(claims.subject)
        if revoked_at is not None and claims.issued_at <= revoked_at:
            raise TokenRevoked
        return claims

    def _revoked_at(self, subject: str) -> float | None:
        revoked_at, until = self._cached.get(subject, (None, 0.0))
        if self._monotonic() < until:
            return revoked_at
        revoked_at = self._revocations.revoked_at(subject)
        if self._cache_seconds:
            if len(self._cached) >= MAX_CACHED:
                self._cached.clear()
            self._cached[subject] = revoked_at, self._monotonic() + self._cache_seconds
        return revoked_at
