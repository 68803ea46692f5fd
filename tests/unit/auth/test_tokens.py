import time
from typing import Any

import jwt
import pytest

from chalicelib.auth.claims import Role
from chalicelib.auth.secrets import Secret, TokenSecrets
from chalicelib.auth.tokens import JwtVerifier, TokenIssuer
from chalicelib.errors import TokenExpired, TokenInvalid

NOW = int(time.time())
DAY = 24 * 60 * 60
CURRENT = Secret("k2", "c" * 40)
PREVIOUS = Secret("k1", "p" * 40)


class Source:
    def __init__(self, secrets: TokenSecrets) -> None:
        self.secrets = secrets
        self.loads = 0

    def load(self) -> TokenSecrets:
        self.loads += 1
        return self.secrets


def verifier(secrets: TokenSecrets | None = None) -> JwtVerifier:
    return JwtVerifier(Source(secrets or TokenSecrets(CURRENT, PREVIOUS)), "us")


def forged(key: str = CURRENT.secret, algorithm: str = "HS256", kid: Any = "k2", **changes: Any) -> str:
    claims = {"sub": "bot", "role": "bot", "iat": NOW, "exp": NOW + 3600, "iss": "us", "jti": "j"} | changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm, headers={"kid": kid})


def test_a_minted_token_is_accepted() -> None:
    token = TokenIssuer(Source(TokenSecrets(CURRENT)), "us").mint("kosmi", Role.BOT, 60)

    claims = verifier().verify(token)

    assert (claims.subject, claims.role) == ("kosmi", Role.BOT)
    assert claims.expires_at - int(claims.issued_at) == 60


def test_the_previous_secrets_token_is_accepted_during_a_rotation() -> None:
    token = forged(PREVIOUS.secret, kid="k1")

    assert verifier().verify(token).subject == "bot"
    with pytest.raises(TokenInvalid):
        verifier(TokenSecrets(CURRENT)).verify(token)


@pytest.mark.parametrize(
    "token",
    [
        *(forged(key="x" * 40), forged(kid="k9"), forged(algorithm="none", key="")),
        *(
            forged(iss="them"),
            forged(exp=None),
            forged(sub="x" * 129),
            forged(role=["admin"]),
            forged(iat="soon"),
        ),
        *(forged(exp=float("inf")), forged() + "x" * 5000, "a.b.c"),
    ],
)
def test_a_token_that_we_did_not_issue_is_refused(token: str) -> None:
    with pytest.raises(TokenInvalid):
        verifier().verify(token)


def test_clocks_may_be_half_a_minute_apart_and_no_more() -> None:
    fresh = forged(exp=time.time() - 20)
    stale = forged(exp=time.time() - 40)

    assert verifier().verify(fresh).subject == "bot"
    with pytest.raises(TokenExpired):
        verifier().verify(stale)


@pytest.mark.parametrize(("role", "longest"), [("admin", 31 * DAY), ("bot", 366 * DAY), ("guest", DAY)])
def test_a_token_that_outlasts_its_role_is_refused(role: str, longest: int) -> None:
    guest: dict[str, Any] = {"session": 1, "name": "Zoë"}
    longest_token = forged(role=role, exp=NOW + longest, **guest)
    longer_token = forged(role=role, exp=NOW + longest + 1, **guest)

    assert verifier().verify(longest_token).role == role
    with pytest.raises(TokenInvalid, match="longer"):
        verifier().verify(longer_token)
