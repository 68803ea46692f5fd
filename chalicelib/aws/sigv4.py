"""Signs requests with AWS Signature Version 4.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import SplitResult, quote

from chalicelib.errors import Unavailable
from chalicelib.settings import Keys

UNRESERVED = "-._~"  # RFC 3986 leaves these, letters and digits unencoded
_ONLY_PADDING_TO_ENCODE = re.compile(r"[A-Za-z0-9_.~-]+={0,2}").fullmatch


class SignedRequests:
    """Makes requests that differ only in the last segment of their path. ``path`` is the part before it.

    Each takes one SHA-256 and one HMAC. ``headers`` are in lower case. ``clock`` gives Unix seconds.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a signature covers
        self,
        service: str,
        region: str,
        credentials: Keys,
        clock: Callable[[], float],
        method: str,
        endpoint: SplitResult,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Raise Unavailable if there are no credentials."""
        if not credentials.access_key or not credentials.secret_key:
            raise Unavailable(
                "There are no AWS credentials to sign requests with. On AWS the function's role provides "
                "them; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (an emulator takes any)."
            )
        self.service, self.region, self.credentials, self.clock = service, region, credentials, clock
        self.endpoint, self.body, self.headers = endpoint, body, headers or {}
        path = endpoint.path + path
        self._start = f"{method} {path}"
        # The path is encoded once to be sent and twice to be signed: "=" becomes %3D, then %253D.
        self._canonical_start = f"{method}\n{quote(path, safe='/' + UNRESERVED)}"
        self._body_hash = hashlib.sha256(body).hexdigest()
        self._second = -1

    def to(self, segment: str = "") -> bytes:
        """Return the request for a last segment. Its time is at most one second old."""
        second = int(self.clock())
        if second != self._second:
            self._date(second)
        if _ONLY_PADDING_TO_ENCODE(segment):  # every connection id; quote() would take 1.4 us
            sent = segment.replace("=", "%3D")
        else:
            sent = quote(segment, safe=UNRESERVED, errors="replace")
        canonical = f"{self._canonical_start}{sent.replace('%', '%25')}{self._canonical_end}".encode()
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(hashlib.sha256(canonical).hexdigest().encode())
        outer.update(inner.digest())
        return f"{self._start}{sent}{self._middle}{outer.hexdigest()}\r\n\r\n".encode() + self.body

    def _date(self, second: int) -> None:
        """Prepare the parts that depend on the time."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        headers = {"host": self.endpoint.netloc, "x-amz-date": stamp, **self.headers}
        if self.credentials.token:
            headers["x-amz-security-token"] = self.credentials.token
        names = ";".join(sorted(headers))
        canonical_headers = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        self._canonical_end = f"\n\n{canonical_headers}\n{names}\n{self._body_hash}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._middle = (
            f" HTTP/1.1\r\n{lines}content-length: {len(self.body)}\r\nauthorization: AWS4-HMAC-SHA256 "
            f"Credential={self.credentials.access_key}/{scope}, SignedHeaders={names}, Signature="
        )
        # HMAC as in RFC 2104. Copying two hashes takes a third of the time of hmac.digest().
        key = _signing_key(str(self.credentials.secret_key), scope).ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._inner.update(f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n".encode())
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self._second = second


@lru_cache(maxsize=8)  # a key lasts a day
def _signing_key(secret_key: str, scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
