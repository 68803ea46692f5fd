"""Mints and verifies tokens: JWT, HS256, with PyJWT."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import jwt

from chalicelib.auth.claims import Claims, Role, TokenTerms
from chalicelib.auth.ports import SecretSource
from chalicelib.auth.secret_cache import SecretCache
from chalicelib.auth.secrets import TokenSecrets
from chalicelib.errors import TokenExpired, TokenInvalid
from chalicelib.limits import MAX_ADMIN_TOKEN_SECONDS, MAX_SUBJECT_CHARACTERS, MAX_TOKEN_SECONDS

ALGORITHM = "HS256"
LEEWAY_SECONDS = 30
"""How far clocks may be apart, as the protocol says."""

MAX_TOKEN_CHARACTERS = 4096
"""Ours have about 300; a longer one is not worth a hash."""

MAX_SECONDS = {Role.ADMIN: MAX_ADMIN_TOKEN_SECONDS, Role.BOT: MAX_TOKEN_SECONDS}
"""How long a token of each role may be good for."""

YEAR_10000 = 253_402_300_800
"""Unix seconds that no calendar of ours can show."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Secrets that were read already, as a ``SecretSource``."""

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
        """Return a token that is good for ``ttl_seconds`` from now. Raises SecretsUnreadable."""
        signer = self.fresh()
        return signer.sign(signer.issue(subject, role, ttl_seconds))

    def fresh(self) -> "TokenIssuer":
        """See the port."""
        return TokenIssuer(_Loaded(self._secrets.load()), self._issuer, self._now)

    def issue(self, subject: str, role: Role, ttl_seconds: int) -> TokenTerms:
        """See the port."""
        issued_at = int(self._now())
        return TokenTerms(
            subject=subject,
            role=role,
            issued_at=issued_at,
            expires_at=issued_at + ttl_seconds,
            token_id=uuid.uuid4().hex,
            kid=self._secrets.load().current.kid,
        )

    def sign(self, terms: TokenTerms) -> str:
        """See the port. Terms whose secret is no longer in use are signed with the current one."""
        secrets = self._secrets.load()
        verifying = secrets.verifying(terms.kid, self._now())
        kid, secret = (terms.kid, verifying) if verifying else (secrets.current.kid, secrets.current.secret)
        claims = {
            "sub": terms.subject,
            "role": terms.role.value,
            "iat": terms.issued_at,
            "exp": terms.expires_at,
            "iss": self._issuer,
            "jti": terms.token_id,
        }
        return jwt.encode(claims, secret, ALGORITHM, headers={"kid": kid})


class JwtVerifier:
    """``ports.TokenVerifier`` for our own tokens. See ``SecretCache`` for the clocks."""

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
                raise TokenInvalid("The token was signed with a secret that is not in use (any more).")
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
        raise TokenInvalid("The token's role is neither admin nor bot.")
    role = Role(str(payload["role"]))
    issued_at, expires_at = _seconds(payload["iat"]), _seconds(payload["exp"])
    if expires_at - issued_at > MAX_SECONDS[role]:
        raise TokenInvalid(f"The token is good for longer than a token of the role {role} may be.")
    return Claims(subject, role, issued_at, expires_at, str(token_id))


def _seconds(moment: object) -> int:
    if not isinstance(moment, int | float) or not 0 < moment < YEAR_10000:
        raise TokenInvalid("The token's times are not Unix seconds.")
    return int(moment)
