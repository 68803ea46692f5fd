"""Mints and verifies tokens: JWT, HS256, with PyJWT."""

import hmac
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import msgspec
from msgspec.structs import replace

from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.auth.ports import SecretSource
from chalicelib.auth.secret_cache import SecretCache
from chalicelib.auth.secrets import TokenSecrets
from chalicelib.errors import TokenExpired, TokenInvalid
from chalicelib.limits import (
    GUEST_TOKEN_SECONDS,
    HOST_TOKEN_SECONDS,
    MAX_SUBJECT_CHARACTERS,
    MAX_TOKEN_SECONDS,
    MAX_USERNAME_CHARACTERS,
)

ALGORITHM = "HS256"
LEEWAY_SECONDS = 30
"""The difference between clocks that the protocol allows."""

MAX_TOKEN_CHARACTERS = 4096
"""Our tokens have about 300. A longer one is refused without hashing it."""

MAX_SECONDS = {
    Role.ADMIN: HOST_TOKEN_SECONDS,
    Role.BOT: MAX_TOKEN_SECONDS,
    Role.GUEST: GUEST_TOKEN_SECONDS,
}
"""The longest life of a token of each role."""

LETTERS = "ACDEFGHJKMNPQRTUVWXY34679"
"""The letters and digits of codes. None looks like another, as 0 does like O, 1 like I, and 8 like B."""

YEAR_10000 = 253_402_300_800
"""The first Unix second that ``datetime`` can't show."""


class _Loaded(msgspec.Struct, frozen=True):
    """A ``SecretSource`` of secrets that were read already."""

    secrets: TokenSecrets

    def load(self) -> TokenSecrets:
        return self.secrets


class TokenIssuer:
    """``ports.TokenSigner``, and minting in one step. ``now`` returns Unix seconds."""

    def __init__(self, secrets: SecretSource, issuer: str, now: Callable[[], float] = time.time) -> None:
        self._secrets = secrets
        self._issuer = issuer
        self._now = now

    def mint(self, subject: str, role: Role, ttl_seconds: int) -> str:
        """Return a token that is valid for ``ttl_seconds`` from now. Raises SecretsUnreadable."""
        signer = self.fresh()
        return signer.sign(signer.issue(subject, role, ttl_seconds))

    def fresh(self) -> "TokenIssuer":
        """See the port."""
        return TokenIssuer(_Loaded(self._secrets.load()), self._issuer, self._now)

    def issue(
        self, subject: str, role: Role, ttl_seconds: int, session: int | None = None, name: str | None = None
    ) -> TokenTerms:
        """See the port. ``issued_at`` has milliseconds, to compare with a revocation in the same second."""
        now = self._now()
        return TokenTerms(
            subject=subject,
            role=role,
            issued_at=round(now, 3),
            expires_at=int(now) + ttl_seconds,
            token_id=uuid.uuid4().hex,
            kid=self.kid(),
            session=session,
            name=name,
        )

    def sign(self, terms: TokenTerms) -> str:
        """See the port. Terms whose secret is no longer in use are signed with the current one."""
        kid, secret = self._secret_of(terms.kid)
        claims: dict[str, Any] = {
            "sub": terms.subject,
            "role": terms.role.value,
            "iat": terms.issued_at,
            "exp": terms.expires_at,
            "iss": self._issuer,
            "jti": terms.token_id,
        }
        if terms.role is Role.GUEST:
            claims |= {"session": terms.session, "name": terms.name}
        return jwt.encode(claims, secret, ALGORITHM, headers={"kid": kid})

    def kid(self) -> str:
        """See the port."""
        return self._secrets.load().current.kid

    def code(self, seed: str, kid: str, characters: int) -> str:
        """See the port."""
        _, secret = self._secret_of(kid)
        number = int.from_bytes(hmac.digest(secret.encode(), f"code:{seed}".encode(), "sha256"), "big")
        return "".join(LETTERS[number // len(LETTERS) ** place % len(LETTERS)] for place in range(characters))

    def _secret_of(self, kid: str) -> tuple[str, str]:
        secrets = self._secrets.load()
        verifying = secrets.verifying(kid, self._now())
        return (kid, verifying) if verifying else (secrets.current.kid, secrets.current.secret)


class JwtVerifier:
    """``ports.TokenVerifier`` for the service's own tokens. See ``SecretCache`` for the clocks."""

    def __init__(
        self,
        secrets: SecretSource,
        issuer: str,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = SecretCache(secrets, monotonic, now)
        self._issuer = issuer

    def verify(self, token: str) -> Claims:
        """See the port."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenInvalid("The token is longer than any that we issue.")
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._secrets.verifying(kid)
            if key is None:
                raise TokenInvalid("The token was signed with a secret that is not in use.")
            payload = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["sub", "iat", "exp", "iss", "jti"]},
            )
            return _claims(payload)
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired("The token has expired. Get a new one.") from error
        except jwt.MissingRequiredClaimError as error:
            raise TokenInvalid(f"The token lacks the claim {error.claim!r}.") from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise TokenInvalid("The token was not issued by this service, or is damaged.") from error


def _claims(payload: dict[str, object]) -> Claims:
    subject, token_id = payload["sub"], payload["jti"]
    if not (isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT_CHARACTERS):
        raise TokenInvalid("The token's subject is not a text of 1 to 128 characters.")
    if payload.get("role") not in {role.value for role in Role}:
        raise TokenInvalid("The token's role is not admin, bot or guest.")
    role = Role(str(payload["role"]))
    issued_at, expires_at = _seconds(payload["iat"]), int(_seconds(payload["exp"]))
    if expires_at - issued_at > MAX_SECONDS[role]:
        raise TokenInvalid(f"The token is valid for longer than the role {role} allows.")
    claims = Claims(subject, role, issued_at, expires_at, str(token_id))
    return replace(claims, **_of_guest(payload)) if role is Role.GUEST else claims


def _of_guest(payload: dict[str, object]) -> dict[str, Any]:
    session, name = payload.get("session"), payload.get("name")
    if not isinstance(session, int) or isinstance(session, bool) or session < 1:
        raise TokenInvalid("The guest's token names no session.")
    if not (isinstance(name, str) and 0 < len(name) <= MAX_USERNAME_CHARACTERS):
        raise TokenInvalid("The guest's token names no guest.")
    return {"session": session, "name": name}


def _seconds(moment: object) -> float:
    if not isinstance(moment, int | float) or not 0 < moment < YEAR_10000:
        raise TokenInvalid("The token's times are not Unix seconds.")
    return moment
