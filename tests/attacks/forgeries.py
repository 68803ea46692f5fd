"""Tokens that must not let anyone in: what the field knows of attacks on JWT, each with a name.

``Forge`` writes a token byte by byte, since no library makes most of these. Those under ``SIGNED`` are
signed with the real secret: nobody can make them, and the service refuses them by what they say.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.auth.secrets import Secret

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
DAY = 24 * 3600
STOLEN = "x" * 48
"""A key of the attacker's own."""

ABSENT = object()
"""As the value of a claim: leave it out."""


def encoded(content: bytes | str) -> str:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Forge:
    """What an attack is made from: the real secret, a real token of a bot, and the time."""

    secret: Secret
    real: str
    ended: Secret
    now: int = field(default_factory=lambda: int(time.time()))

    def token(
        self,
        header: Mapping[str, Any] | str | None = None,
        claims: Mapping[str, Any] | str | None = None,
        key: str = STOLEN,
        sign_as: str = "HS256",
    ) -> str:
        """Return a token; texts are taken as they are, mappings are changes of what would be right."""
        if not isinstance(header, str):
            whole = {"alg": "HS256", "typ": "JWT", "kid": self.secret.kid, **(header or {})}
            header = json.dumps({name: value for name, value in whole.items() if value is not ABSENT})
        if not isinstance(claims, str):
            whole = {**self.claims, **(claims or {})}
            claims = json.dumps({name: value for name, value in whole.items() if value is not ABSENT})
        signed = f"{encoded(header)}.{encoded(claims)}"
        return f"{signed}.{encoded(hmac.digest(key.encode(), signed.encode(), HASHES[sign_as]))}"

    def signed(self, **claims: Any) -> str:
        """Return a token that says other things under the real secret."""
        return self.token(claims=claims, key=self.secret.secret)

    @property
    def claims(self) -> dict[str, Any]:
        return {
            "sub": "host",
            "role": "admin",
            "iat": self.now,
            "exp": self.now + 3600,
            "iss": "game-night-live",
            "jti": "1",
        }

    @property
    def parts(self) -> tuple[str, str, str]:
        header, claims, signature = self.real.split(".")
        return header, claims, signature

    def raised(self) -> str:
        """Return the real token with another role under its signature."""
        header, claims, signature = self.parts
        content = json.loads(base64.urlsafe_b64decode(claims + "=="))
        return f"{header}.{encoded(json.dumps({**content, 'role': 'admin'}))}.{signature}"


Make = Callable[[Forge], str]
NO_ALGORITHMS: list[Any] = ["none", "None", "NONE", "nOnE", "", None, 0, [], ["none"], {}, True, ABSENT]


def _unsigned(header: Mapping[str, Any]) -> Make:
    return lambda forge: forge.token(header).rpartition(".")[0] + "."


def _misnamed(alg: str, *, sign_as: str) -> Make:
    return lambda forge: forge.token({"alg": alg}, key=forge.secret.secret, sign_as=sign_as)


def _under_kid(name: str, value: object) -> Make:
    return lambda forge: forge.token({name: value})


def _saying(claim: str, value: object) -> Make:
    return lambda forge: forge.signed(**{claim: value})


def _each(name: str, make: Callable[[str, object], Make], values: Sequence[object]) -> dict[str, Make]:
    return {
        f"{name} {'absent' if value is ABSENT else repr(value)}"[:60]: make(name, value) for value in values
    }


OWN_KEY = {"kty": "oct", "k": encoded(STOLEN), "alg": "HS256", "kid": "own"}

NO_KIDS: list[Any] = [ABSENT, None, "", " ", 0, 1.5, True, [], ["k"], {"k": 1}, "unknown", "\u0000", "\ud800"]
NO_KIDS += [
    "../../../../dev/null",
    "/proc/self/environ",
    "' OR '1'='1",
    "x' UNION SELECT 'x' -- ",
    "|sleep 5",
]
NO_KIDS += ["k" * 3000]

HEADERS: dict[str, Make] = {
    **{f"alg {alg!r}, no signature": _unsigned({"alg": alg}) for alg in NO_ALGORITHMS},
    "alg none, a signature": lambda f: f.token({"alg": "none"}),
    "alg none under the real signature": lambda f: ".".join(
        [encoded('{"alg":"none","typ":"JWT"}'), *f.parts[1:]]
    ),
    **{f"alg {alg} with the real secret": _misnamed(alg, sign_as=alg) for alg in ("HS384", "HS512")},
    **{
        f"alg {alg}, signed as HS256 with the real secret": _misnamed(alg, sign_as="HS256")
        for alg in ("RS256", "PS256", "ES256", "ES256K", "EdDSA", "hs256", "HS256 ", "HS1", "dir", "A128KW")
    },
    "another key": lambda f: f.token(),
    "an empty key": lambda f: f.token(key=""),
    "the kid as the key": lambda f: f.token(key=f.secret.kid),
    "the issuer as the key": lambda f: f.token(key="game-night-live"),
    "the word secret as the key": lambda f: f.token(key="secret"),
    "the first half of the secret": lambda f: f.token(key=f.secret.secret[:32]),
    "a secret that has ended": lambda f: f.token({"kid": f.ended.kid}, key=f.ended.secret),
    "a secret that has ended, under the kid of the current": lambda f: f.token(key=f.ended.secret),
    **_each("kid", _under_kid, NO_KIDS),
    "kid of the secret in capitals": lambda f: f.token({"kid": f.secret.kid.upper() + "A"}, key=""),
    "kid null under the real signature": lambda f: ".".join(
        [encoded('{"alg":"HS256","typ":"JWT","kid":null}'), *f.parts[1:]]
    ),
    "kid twice": lambda f: f.token(f'{{"alg":"HS256","kid":"x","kid":"{f.secret.kid}"}}'),
    "alg twice": lambda f: f.token(f'{{"alg":"HS256","alg":"none","kid":"{f.secret.kid}"}}'),
    "its own key in jwk": lambda f: f.token({"jwk": OWN_KEY, "kid": "own"}),
    "its own key in jwk, our kid": lambda f: f.token({"jwk": OWN_KEY}),
    "its own keys at jku": lambda f: f.token({"jku": "http://127.0.0.1:9/jwks.json", "kid": "own"}),
    "its own certificate at x5u": lambda f: f.token({"x5u": "http://127.0.0.1:9/cert.pem"}),
    "its own certificate in x5c": lambda f: f.token({"x5c": [encoded("no certificate")]}),
    "crit of what nobody knows": lambda f: f.token({"crit": ["nobody"], "nobody": 1}),
    "an unencoded payload": lambda f: f.token({"b64": False, "crit": ["b64"]}, key=f.secret.secret),
    "an unencoded payload, not declared": lambda f: f.token({"b64": False}, key=f.secret.secret),
    "a nested token": lambda f: f.token({"cty": "JWT"}, claims=json.dumps(f.real)),
    "compressed": lambda f: f.token({"zip": "DEF"}),
    "typ of something else": lambda f: f.token({"typ": "at+jwt"}),
}

NO_ISSUERS = [
    ABSENT,
    None,
    "",
    "them",
    "GAME-NIGHT-LIVE",
    "game-night-live ",
    "game-night-liv",
    ["them"],
    0,
    {},
]
NO_ENDS = [ABSENT, None, "", "tomorrow", "9999999999", [], {}, 0, -1, -9e99, 1e300, 10**30, 10**400]
NO_ENDS += [float("inf"), float("-inf"), float("nan"), 253_402_300_800]
NO_BEGINNINGS = [ABSENT, None, "now", [], {}, -5, 0, float("inf"), float("nan"), 1e300]
NO_SUBJECTS = [ABSENT, None, "", 0, 17, True, [], ["host"], {}, {"host": 1}, "x" * 129]
NO_ROLES = [ABSENT, None, "", "root", "Admin", "ADMIN", "admin ", "admin\u0000", "\u0430dmin", "admin,bot"]
NO_ROLES += ["Role.ADMIN", 0, True, ["admin"], {"admin": True}]

SIGNED: dict[str, Make] = {
    **_each("iss", _saying, NO_ISSUERS),
    **_each("exp", _saying, NO_ENDS),
    "exp an hour ago": lambda f: f.signed(exp=f.now - 3600, iat=f.now - 7200),
    "exp 31 seconds ago": lambda f: f.signed(exp=f.now - 31),
    "exp in more than a day": lambda f: f.signed(exp=f.now + DAY + 60),
    "exp of a bot in more than a year": lambda f: f.signed(exp=f.now + 367 * DAY, role="bot"),
    "exp as a text of good seconds": lambda f: f.signed(exp=str(f.now + 3600)),
    "exp as a text that is almost one": lambda f: f.signed(exp=f"{f.now + 3600}.5"),
    **_each("iat", _saying, NO_BEGINNINGS),
    "iat in an hour": lambda f: f.signed(iat=f.now + 3600, exp=f.now + 7200),
    "iat years ago": lambda f: f.signed(iat=1),
    **_each("nbf", _saying, ["never", [], {}, float("inf"), 1e300, 4_000_000_000]),
    "nbf in an hour": lambda f: f.signed(nbf=f.now + 3600),
    **_each("sub", _saying, NO_SUBJECTS),
    **_each("jti", _saying, [ABSENT, None, 0, [], {}, True]),
    **_each("role", _saying, NO_ROLES),
    "an audience": lambda f: f.signed(aud="somebody else"),
    "an audience, ours among them": lambda f: f.signed(aud=["game-night-live", "somebody else"]),
    "claims that are a list": lambda f: f.token(claims="[]", key=f.secret.secret),
    "claims that are a text": lambda f: f.token(claims='"admin"', key=f.secret.secret),
    "claims that are null": lambda f: f.token(claims="null", key=f.secret.secret),
    "claims that are no JSON": lambda f: f.token(claims="{role:admin}", key=f.secret.secret),
    "no claims": lambda f: f.token(claims="{}", key=f.secret.secret),
    "claims nested without end": lambda f: f.token(claims="[" * 2000, key=f.secret.secret),
    "a number of a thousand digits": lambda f: f.token(
        claims='{"exp":' + "9" * 1500 + "}", key=f.secret.secret
    ),
    "another role before the one that is read": lambda f: f.token(
        claims=json.dumps(f.claims)[:-1] + ',"role":"root"}', key=f.secret.secret
    ),
}

TEXTS: dict[str, Make] = {
    "another role under the same signature": Forge.raised,
    "no signature": lambda f: ".".join(f.parts[:2]) + ".",
    "no signature and no dot": lambda f: ".".join(f.parts[:2]),
    "half a signature": lambda f: f.real[:-20],
    "a signature of zeros": lambda f: ".".join([*f.parts[:2], encoded(bytes(32))]),
    "another token's signature": lambda f: ".".join([*f.parts[:2], f.token().rpartition(".")[2]]),
    "another token's header": lambda f: ".".join([encoded('{"alg":"HS384","typ":"JWT"}'), *f.parts[1:]]),
    "header and claims swapped": lambda f: ".".join([f.parts[1], f.parts[0], f.parts[2]]),
    "four parts": lambda f: f"{f.real}.{f.parts[2]}",
    "five parts, as if encrypted": lambda f: f"{f.real}.{f.parts[2]}.{f.parts[2]}",
    "twice": lambda f: f.real + f.real,
    "with a comma": lambda f: f"{f.real},{f.real}",
    "a letter more": lambda f: f"{f.real}AAAA",
    "a letter less": lambda f: f.real[1:],
    "a byte that no header may have": lambda f: f"{f.real}\u0000",
    "only dots": lambda _: "..",
    "many dots": lambda _: "." * 200,
    "a word": lambda _: "junk",
    "null": lambda _: "null",
    "undefined": lambda _: "undefined",
    "JSON": lambda _: '{"alg":"none"}',
    "an umlaut": lambda _: "ü.ü.ü",
    "an emoji": lambda _: "🎮.🎮.🎮",
    "a header that is a list": lambda f: f.token("[]", key=f.secret.secret),
    "a header that is a number": lambda f: f.token("5", key=f.secret.secret),
    "a header that is no JSON": lambda f: f.token("{alg:HS256}", key=f.secret.secret),
    "a header that is no UTF-8": lambda f: ".".join([encoded(b"\xff\xfe"), *f.parts[1:]]),
    "a header nested without end": lambda f: f.token("[" * 2000, key=f.secret.secret),
    "a header with a number of a thousand digits": lambda f: f.token('{"alg":' + "9" * 1500 + "}"),
    "no base64": lambda f: ".".join(["!!!", *f.parts[1:]]),
    "4,096 characters": lambda _: "x" * 4096,
    "4,097 characters": lambda _: "x" * 4097,
    "a megabyte less a frame": lambda _: "x" * 30_000,
    "a real token behind a long header": lambda f: f.token({"x": "x" * 5000}, key=f.secret.secret),
}

FORGERIES: dict[str, Make] = {**HEADERS, **SIGNED, **TEXTS}
"""Every one of them has to be refused, in every place where a token is taken."""
