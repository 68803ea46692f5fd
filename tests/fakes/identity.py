"""Tokens that say what they are: ``host:admin`` is the admin called host, ``expired`` has expired."""

from chalicelib.auth.claims import Claims, Role
from chalicelib.errors import TokenExpired, TokenInvalid

FAR_FUTURE = 4_000_000_000


def claims(subject: str = "host", role: Role = Role.ADMIN, expires_at: int = FAR_FUTURE) -> Claims:
    return Claims(subject, role, issued_at=0, expires_at=expires_at, token_id="t")


class FakeVerifier:
    def __init__(self, expires_at: int = FAR_FUTURE) -> None:
        self.expires_at = expires_at

    def verify(self, token: str) -> Claims:
        if token == "expired":
            raise TokenExpired("expired")
        subject, colon, role = token.partition(":")
        if not colon:
            raise TokenInvalid("junk")
        return claims(subject, Role(role), self.expires_at)
