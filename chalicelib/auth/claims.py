"""The claims of a token, and what a role may do."""

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.errors import Forbidden


class Role(StrEnum):
    """The two kinds of caller."""

    ADMIN = "admin"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a verified token. Times are Unix seconds."""

    subject: str
    role: Role
    issued_at: int
    expires_at: int
    token_id: str

    def require(self, *roles: Role) -> None:
        """Raise Forbidden unless the caller has one of the roles."""
        if self.role not in roles:
            wanted = " or ".join(roles)
            raise Forbidden(f"This needs the role {wanted}; your token has the role {self.role}.")


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What a token says, but for its signature: no secret, so that it may be kept. Times are Unix seconds.

    ``kid`` names the secret that signs it.
    """

    subject: str
    role: Role
    issued_at: int
    expires_at: int
    token_id: str
    kid: str
