"""Tokens that must not let anyone in: what the field knows of attacks on JWT, each with a name.

``Forge`` writes a token byte by byte, since no library makes most of these. Those under ``SIGNED`` are
signed with the real secret: nobody can make them, and the service refuses them by what they say.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.auth.secrets import Secret

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
DAY = 24 * 3600
STOLEN = "x" * 48
"""A key of the attacker's own."""

ABSENT = object()
"""As the value of a claim or of a header's member: leave it out."""


GUEST = {"role": "guest", "session": 1, "name": "Zoë"}


def _of_guest(**changes: Any) -> "Callable[[Forge], str]":
    return lambda forge: forge.signed({**GUEST, **changes})


def encoded(content: bytes | str) -> str:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Forge:
    """What an attack is made from: the real secret, one that has ended, a bot's real token, the time."""

    secret: Secret
    ended: Secret
    real: str
    now: int = field(default_factory=lambda: int(time.time()))

    def token(
        self,
        header: Mapping[str, Any] | str | None = None,
        claims: Mapping[str, Any] | str | None = None,
        key: str = STOLEN,
        sign_as: str = "HS256",
    ) -> str:
        """Return a token; texts are taken as they are, mappings are changes of what would be right."""
        signed = ".".join(
            encoded(_changed(right, changes))
            for right, changes in (
                ({"alg": "HS256", "typ": "JWT", "kid": self.secret.kid}, header or {}),
                (self.claims, claims or {}),
            )
        )
        return f"{signed}.{encoded(hmac.digest(key.encode(), signed.encode(), HASHES[sign_as]))}"

    def signed(self, claims: Mapping[str, Any] | str | None = None, header: Any = None) -> str:
        """Return a token that says other things under the real secret."""
        return self.token(header, claims, key=self.secret.secret)

    @property
    def claims(self) -> dict[str, Any]:
        until = self.now + 3600
        whose = {"sub": "host", "role": "admin", "iss": "game-night-live", "jti": "1"}
        return {**whose, "iat": self.now, "exp": until}

    @property
    def parts(self) -> list[str]:
        """The real token's header, claims and signature."""
        return self.real.split(".")

    def with_header(self, header: bytes | str) -> str:
        """Return the real token with another header over its signature."""
        return ".".join([encoded(header), *self.parts[1:]])

    def raised(self) -> str:
        """Return the real token with another role under its signature."""
        header, claims, signature = self.parts
        content = json.loads(base64.urlsafe_b64decode(claims + "=="))
        return f"{header}.{encoded(json.dumps({**content, 'role': 'admin'}))}.{signature}"


def _changed(right: Mapping[str, Any], changes: Mapping[str, Any] | str) -> str:
    if isinstance(changes, str):
        return changes
    return json.dumps({name: value for name, value in {**right, **changes}.items() if value is not ABSENT})


Make = Callable[[Forge], str]
NO_ALGORITHMS: list[Any] = ["none", "None", "nOnE", "", None, 0, [], ["none"], {}, True, ABSENT]
OTHER_ALGORITHMS = ["RS256", "PS256", "ES256", "ES256K", "EdDSA", "hs256", "HS256 ", "HS1", "dir", "A128KW"]
OWN_KEY = {"kty": "oct", "k": encoded(STOLEN), "alg": "HS256", "kid": "own"}
STRANGE_HEADERS: list[dict[str, Any]] = [
    *({"jwk": OWN_KEY, "kid": "own"}, {"jwk": OWN_KEY}, {"zip": "DEF"}, {"typ": "at+jwt"}),
    *({"jku": "http://127.0.0.1:9/jwks.json", "kid": "own"}, {"x5u": "http://127.0.0.1:9/cert.pem"}),
    *({"x5c": [encoded("no certificate")]}, {"crit": ["nobody"], "nobody": 1}),
]
NO_OBJECTS = ["[]", '"admin"', "null", "5", "{role:admin}", "{}", "[" * 2000, f'{{"exp":{"9" * 1500}}}']
NO_KIDS: list[Any] = [
    *(ABSENT, None, "", " ", 0, 1.5, True, [], ["k"], {"k": 1}, "unknown", "\u0000", "\ud800", "k" * 3000),
    *("../../../../dev/null", "/proc/self/environ", "' OR '1'='1", "x' UNION SELECT 'x' -- ", "|sleep 5"),
]


def _token(**how: Any) -> Make:
    return lambda forge: forge.token(**how)


def _unsigned(alg: object) -> Make:
    return lambda forge: forge.token({"alg": alg}).rpartition(".")[0] + "."


def _misnamed(alg: str, sign_as: str) -> Make:
    return lambda forge: forge.token({"alg": alg}, key=forge.secret.secret, sign_as=sign_as)


def _signed(**how: Any) -> Make:
    return lambda forge: forge.signed(**how)


def _plain(text: str) -> Make:
    return lambda _: text


def _name(what: str, value: object) -> str:
    return f"{what} {'absent' if value is ABSENT else repr(value)}"[:60]


HEADERS: dict[str, Make] = {
    **{_name("no signature, alg", alg): _unsigned(alg) for alg in NO_ALGORITHMS},
    "alg none, a signature": _token(header={"alg": "none"}),
    "alg none under the real signature": lambda f: f.with_header('{"alg":"none","typ":"JWT"}'),
    **{f"alg {alg} with the real secret": _misnamed(alg, alg) for alg in ("HS384", "HS512")},
    **{f"alg {alg}, signed as HS256": _misnamed(alg, "HS256") for alg in OTHER_ALGORITHMS},
    **{f"key {key!r}": _token(key=key) for key in (STOLEN, "", "game-night-live", "secret")},
    "the kid as the key": lambda f: f.token(key=f.secret.kid),
    "the first half of the secret": lambda f: f.token(key=f.secret.secret[:32]),
    "a secret that has ended": lambda f: f.token({"kid": f.ended.kid}, key=f.ended.secret),
    "a secret that has ended, under the kid of the current": lambda f: f.token(key=f.ended.secret),
    **{_name("kid", kid): _token(header={"kid": kid}) for kid in NO_KIDS},
    "kid of the secret in capitals": lambda f: f.token({"kid": f.secret.kid.upper() + "A"}, key=""),
    "kid null under the real signature": lambda f: f.with_header('{"alg":"HS256","typ":"JWT","kid":null}'),
    "kid twice": lambda f: f.token(f'{{"alg":"HS256","kid":"x","kid":"{f.secret.kid}"}}'),
    "alg twice": lambda f: f.token(f'{{"alg":"HS256","alg":"none","kid":"{f.secret.kid}"}}'),
    **{_name("header", header): _token(header=header) for header in STRANGE_HEADERS},
    "an unencoded payload": lambda f: f.signed(header={"b64": False, "crit": ["b64"]}),
    "an unencoded payload, not declared": lambda f: f.signed(header={"b64": False}),
    "a nested token": lambda f: f.token({"cty": "JWT"}, claims=json.dumps(f.real)),
}

NO_CLAIMS: dict[str, list[Any]] = {
    "iss": [
        *(ABSENT, None, "", "them", "GAME-NIGHT-LIVE", "game-night-live ", "game-night-liv", ["them"], 0, {})
    ],
    "exp": [
        *(ABSENT, None, "", "tomorrow", "9999999999", [], {}, 0, -1, -9e99, 1e300, 10**30, 10**400),
        *(float("inf"), float("-inf"), float("nan"), 253_402_300_800),
    ],
    "iat": [ABSENT, None, "now", [], {}, -5, 0, 1, float("inf"), float("nan"), 1e300],
    "nbf": ["never", [], {}, float("inf"), 1e300, 4_000_000_000],
    "sub": [ABSENT, None, "", 0, 17, True, [], ["host"], {}, {"host": 1}, "x" * 129],
    "jti": [ABSENT, None, 0, [], {}, True],
    "role": [
        *(ABSENT, None, "", "root", "Admin", "ADMIN", "admin ", "admin\u0000", "\u0430dmin", "admin,bot"),
        *("Role.ADMIN", 0, True, ["admin"], {"admin": True}),
    ],
    "aud": ["somebody else", ["game-night-live", "somebody else"]],
}

SIGNED: dict[str, Make] = {
    **{
        _name(claim, one): _signed(claims={claim: one})
        for claim, values in NO_CLAIMS.items()
        for one in values
    },
    "exp an hour ago": lambda f: f.signed({"exp": f.now - 3600, "iat": f.now - 7200}),
    "exp 31 seconds ago": lambda f: f.signed({"exp": f.now - 31}),
    "exp in more than a month": lambda f: f.signed({"exp": f.now + 31 * DAY + 60}),
    "exp of a guest in more than a day": lambda f: f.signed({**GUEST, "exp": f.now + DAY + 60}),
    **{
        f"a guest whose session is {one!r}": _of_guest(session=one)
        for one in (None, 0, -1, 1.5, "1", True, [1])
    },
    **{f"a guest whose name is {one!r}": _of_guest(name=one) for one in (None, "", 1, ["Zoë"])},
    "a guest with a name that is too long": _of_guest(name="x" * 81),
    "exp of a bot in more than a year": lambda f: f.signed({"exp": f.now + 367 * DAY, "role": "bot"}),
    "exp as a text of good seconds": lambda f: f.signed({"exp": str(f.now + 3600)}),
    "exp as a text that is almost one": lambda f: f.signed({"exp": f"{f.now + 3600}.5"}),
    "iat in an hour": lambda f: f.signed({"iat": f.now + 3600, "exp": f.now + 7200}),
    "nbf in an hour": lambda f: f.signed({"nbf": f.now + 3600}),
    **{_name("claims", text): _signed(claims=text) for text in NO_OBJECTS},
    "another role after the first": lambda f: f.signed(json.dumps(f.claims)[:-1] + ',"role":"root"}'),
}

TEXTS: dict[str, Make] = {
    "another role under the same signature": Forge.raised,
    "no signature": lambda f: ".".join(f.parts[:2]) + ".",
    "no signature and no dot": lambda f: ".".join(f.parts[:2]),
    "half a signature": lambda f: f.real[:-20],
    "a signature of zeros": lambda f: ".".join([*f.parts[:2], encoded(bytes(32))]),
    "another token's signature": lambda f: ".".join([*f.parts[:2], f.token().rpartition(".")[2]]),
    "another token's header": lambda f: f.with_header('{"alg":"HS384","typ":"JWT"}'),
    "header and claims swapped": lambda f: ".".join([f.parts[1], f.parts[0], f.parts[2]]),
    "four parts": lambda f: f"{f.real}.{f.parts[2]}",
    "five parts, as if encrypted": lambda f: f"{f.real}.{f.parts[2]}.{f.parts[2]}",
    "twice": lambda f: f.real + f.real,
    "with a comma": lambda f: f"{f.real},{f.real}",
    "a letter more": lambda f: f"{f.real}AAAA",
    "a letter less": lambda f: f.real[1:],
    "a byte that no header may have": lambda f: f"{f.real}\u0000",
    "an umlaut": _plain("ü.ü.ü"),
    "an emoji": _plain("🎮.🎮.🎮"),
    **{_name("a whole header", text): _signed(header=text) for text in NO_OBJECTS},
    "a header that is no UTF-8": lambda f: f.with_header(b"\xff\xfe"),
    "no base64": lambda f: ".".join(["!!!", *f.parts[1:]]),
    **{text: _plain(text) for text in ("..", "." * 200, "junk", "null", "undefined", '{"alg":"none"}')},
    **{f"{size} letters": _plain("x" * size) for size in (4096, 4097, 30_000)},
    "a real token behind a long header": lambda f: f.signed(header={"x": "x" * 5000}),
}

FORGERIES: dict[str, Make] = {**HEADERS, **SIGNED, **TEXTS}
"""Every one of them has to be refused, in every place where a token is taken."""
