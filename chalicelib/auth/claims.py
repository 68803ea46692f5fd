"""The claims of a token, and what a role may do."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.errors import Forbidden


class Role(StrEnum):
    """The kinds of caller."""

    ADMIN = "admin"
    BOT = "bot"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a verified token. Times are Unix seconds.

    A guest has a ``session``, the only one that its token is for, and the ``name`` that it votes in; both are
    None for every other role.
    """

    subject: str
    role: Role
    issued_at: float
    expires_at: int
    token_id: str
    session: int | None = None
    name: str | None = None

    def require(self, *roles: Role) -> None:
        """Raise Forbidden unless the caller has one of the roles."""
        if self.role not in roles:
            wanted = " or ".join(roles)
            raise Forbidden(f"This needs the role {wanted}; your token has the role {self.role}.")

    def require_session(self, session_id: int) -> None:
        """Raise Forbidden where a guest asks for another session than its own."""
        if self.session not in (None, session_id):
            raise Forbidden(f"You are a guest of session {self.session}; your token is for no other.")


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What a token says, but for its signature: no secret, so that it may be kept. Times are Unix seconds.

    ``kid`` names the secret that signs it.
    """

    subject: str
    role: Role
    issued_at: float
    expires_at: int
    token_id: str
    kid: str
    session: int | None = None
    name: str | None = None
