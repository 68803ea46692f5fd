"""Defines the claims of a token, and checks its role."""

from enum import StrEnum

import msgspec

from chalicelib.errors import Forbidden


class Role(StrEnum):
    """The kinds of caller."""

    ADMIN = "admin"
    BOT = "bot"
    GUEST = "guest"


class Claims(msgspec.Struct, frozen=True):
    """The claims of a verified token. Times are Unix seconds.

    A guest's token is for one ``session`` only, and its votes count under ``name``. Both are None for other
    roles.
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
        """Raise Forbidden if a guest asks for another session than its own."""
        if self.session not in (None, session_id):
            raise Forbidden(f"You are a guest of session {self.session}; your token is only for that one.")


class TokenTerms(msgspec.Struct, frozen=True):
    """A token's contents without the signature: no secret, so they may be stored. Times are Unix seconds.

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
