"""Protocols of what tokens need."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.auth.secrets import TokenSecrets
from chalicelib.idempotency import Record


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

    def issue(
        self, subject: str, role: Role, ttl_seconds: int, session: int | None = None, name: str | None = None
    ) -> TokenTerms:
        """Return the terms of a token that is good for so long from now. Raises SecretsUnreadable.

        ``session`` and ``name`` are a guest's.
        """

    def sign(self, terms: TokenTerms) -> str:
        """Return the token: the same terms make the same token for as long as their secret is in use.

        Raises SecretsUnreadable.
        """

    def kid(self) -> str:
        """Return the name of the secret that signs now. Raises SecretsUnreadable."""

    def code(self, seed: str, kid: str, characters: int) -> str:
        """Return the code of a seed: the same for as long as the secret of that ``kid`` is in use.

        Whoever knows the seed, and not the secret, can't tell the code. Raises SecretsUnreadable.
        """


class RevocationStore(Protocol):
    """Which subjects were revoked, and when. Every method raises Unavailable."""

    def revoked_at(self, subject: str) -> float | None:
        """Return when a subject was revoked last, in Unix seconds; None where it never was."""

    def revoke(self, subject: str, at: float) -> None:
        """Revoke what a subject was issued until a Unix second."""


class Night(Protocol):
    """A session, as far as who joins it needs to know."""

    @property
    def is_open(self) -> bool:
        """Whether it takes games and votes."""


class Nights(Protocol):
    """Where the sessions are."""

    def session(self, session_id: int) -> Night | None:
        """Return a session, None where there is none. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Invite:
    """What a code lets in: the guests of a session or, where ``session`` is None, a host, once.

    ``subject`` is the host who invites. ``expires_at`` is in Unix seconds.
    """

    subject: str
    expires_at: int
    session: int | None = None
    used: bool = False


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who joined a session. ``subject`` is that of the guest's token."""

    session: int
    name: str
    subject: str


class InviteStore(Protocol):
    """Invites by the digests of their codes, and the guests who came. Every method raises Unavailable.

    A method that takes records raises VersionConflict where one of their keys is in use.
    """

    def add_invite(self, digest: str, invite: Invite, records: Sequence[Record] = ()) -> None:
        """Store an invite."""

    def invite(self, digest: str) -> Invite | None:
        """Return an invite as it is now, None where there is none, or none any more."""

    def use_invite(self, digest: str, records: Sequence[Record] = ()) -> None:
        """Mark an invite as used. Raises VersionConflict where it is used already."""

    def add_guest(self, guest: Guest, records: Sequence[Record] = ()) -> None:
        """Store a guest. Raises NameTaken."""

    def guest(self, session_id: int, name: str) -> Guest | None:
        """Return the guest of a session who has this name, None where nobody has."""

    def count_attempt(self, minute: int, source: str) -> int:
        """Return how many attempts there were from a source in a minute since 1970, this one included."""
