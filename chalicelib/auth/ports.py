"""Defines the protocols that tokens, invites and revocation need."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.auth.secrets import TokenSecrets
from chalicelib.idempotency import Record


class SecretSource(Protocol):
    """Reads the token secrets."""

    def load(self) -> TokenSecrets:
        """Return the secrets as they are now. Raises SecretsUnreadable."""


class TokenVerifier(Protocol):
    """Turns a token into claims."""

    def verify(self, token: str) -> Claims:
        """Return the claims. Raises TokenInvalid, TokenExpired, or Unavailable if none can be verified."""


class TokenSigner(Protocol):
    """Turns terms into a token."""

    def fresh(self) -> "TokenSigner":
        """Return a signer that has read the secrets as they are now, once. Raises SecretsUnreadable."""

    def issue(
        self, subject: str, role: Role, ttl_seconds: int, session: int | None = None, name: str | None = None
    ) -> TokenTerms:
        """Return the terms of a token that is valid for ``ttl_seconds`` from now. Raises SecretsUnreadable.

        ``session`` and ``name`` are a guest's.
        """

    def sign(self, terms: TokenTerms) -> str:
        """Return the token. The same terms make the same token while their secret is in use.

        Raises SecretsUnreadable.
        """

    def kid(self) -> str:
        """Return the name of the secret that signs now. Raises SecretsUnreadable."""

    def code(self, seed: str, kid: str, characters: int) -> str:
        """Return the code of a seed. It is the same while the secret of that ``kid`` is in use.

        Without the secret, nobody can compute the code from the seed. Raises SecretsUnreadable.
        """


class RevocationStore(Protocol):
    """Which subjects were revoked, and when. Every method raises Unavailable."""

    def revoked_at(self, subject: str) -> float | None:
        """Return when a subject was revoked last, in Unix seconds; None if it never was."""

    def revoke(self, subject: str, at: float) -> None:
        """Revoke the tokens that a subject was issued until a Unix second."""


class Night(Protocol):
    """What joining needs to know of a session."""

    @property
    def is_open(self) -> bool:
        """Whether it takes games and votes."""


class Nights(Protocol):
    """Reads sessions."""

    def session(self, session_id: int) -> Night | None:
        """Return a session, or None. Raises Unavailable."""


class Invite(msgspec.Struct, frozen=True):
    """An invite for the guests of a session or, if ``session`` is None, for one host, once.

    ``subject`` is the host who invites. ``expires_at`` is in Unix seconds.
    """

    subject: str
    expires_at: int
    session: int | None = None
    used: bool = False


class Guest(msgspec.Struct, frozen=True):
    """Somebody who joined a session. ``subject`` is that of the guest's token."""

    session: int
    name: str
    subject: str


class InviteStore(Protocol):
    """Stores invites by the digests of their codes, and guests. Every method raises Unavailable.

    A method that takes records raises VersionConflict if one of their keys is in use.
    """

    def add_invite(self, digest: str, invite: Invite, records: Sequence[Record] = ()) -> None:
        """Store an invite."""

    def invite(self, digest: str) -> Invite | None:
        """Return an invite as it is now; None if there is none, or if it was deleted."""

    def use_invite(self, digest: str, records: Sequence[Record] = ()) -> None:
        """Mark an invite as used. Raises VersionConflict if it is used already."""

    def add_guest(self, guest: Guest, records: Sequence[Record] = ()) -> None:
        """Store a guest. Raises NameTaken."""

    def guest(self, session_id: int, name: str) -> Guest | None:
        """Return the guest of a session with this name, or None."""

    def count_attempt(self, minute: int, source: str) -> int:
        """Count an attempt; return how many a source made in this minute since 1970, this one included."""
