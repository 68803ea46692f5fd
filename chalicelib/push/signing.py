"""Requests to @connections, complete and signed with AWS Signature Version 4.

A broadcast sends one body to thousands of paths of one host. The signing key and the body's hash are the
same for all of them, so what is left for each is the SHA-256 of its canonical request and one HMAC, whose
key and constant beginning are hashed beforehand too. Leaves sending to ``lane``.
"""

import hashlib
import re
import time
from collections.abc import Callable
from urllib.parse import quote

from chalicelib.aws.signature import Credentials, signing_key
from chalicelib.push.endpoint import UNRESERVED, Endpoint

_SERVICE = "execute-api"
_SHA256_BLOCK = 64
_ONLY_PADDING_TO_ENCODE = re.compile(r"[A-Za-z0-9_.~-]+={0,2}").fullmatch


class RequestSigner:
    """Makes one broadcast's requests to one endpoint, all with the same method and body.

    ``clock`` gives Unix seconds. The time in a request is at most one second old when it is made; AWS
    accepts five minutes.
    """

    def __init__(  # noqa: PLR0913 - a request has this many sides, and all differ between callers
        self,
        method: str,
        endpoint: Endpoint,
        region: str,
        credentials: Credentials,
        body: bytes,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._method = method
        self._authority = endpoint.authority
        self._region = region
        self._credentials = credentials
        self._body = body
        self._body_hash = hashlib.sha256(body).hexdigest()
        self._clock = clock
        path = f"{endpoint.path}/@connections/"
        self._request_start = f"{method} {path}"
        # SigV4 encodes the path a second time: a connection id's "=" is %3D when sent, %253D when signed.
        self._canonical_start = f"{method}\n{quote(path, safe='/' + UNRESERVED)}"
        self._second = -1

    def request(self, connection_id: str) -> bytes:
        """Return the bytes to send for one connection."""
        second = int(self._clock())
        if second != self._second:
            self._date(second)
        if _ONLY_PADDING_TO_ENCODE(connection_id):  # all ids that API Gateway gives; quote() costs 1.4 us
            sent = connection_id.replace("=", "%3D")
        else:
            sent = quote(connection_id, safe=UNRESERVED, errors="replace")
        signed = sent.replace("%", "%25")
        canonical = f"{self._canonical_start}{signed}{self._canonical_end}".encode()
        inner = self._inner.copy()
        inner.update(hashlib.sha256(canonical).hexdigest().encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        head = f"{self._request_start}{sent}{self._request_middle}{outer.hexdigest()}{self._request_end}"
        return head.encode() + self._body

    def _date(self, second: int) -> None:
        """Prepare all that depends on the time."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(second))
        scope = f"{stamp[:8]}/{self._region}/{_SERVICE}/aws4_request"
        headers = {"host": self._authority, "x-amz-date": stamp}
        if self._credentials.token:
            headers["x-amz-security-token"] = self._credentials.token
        names = ";".join(headers)
        canonical_headers = "".join(f"{name}:{value}\n" for name, value in headers.items())
        self._canonical_end = f"\n\n{canonical_headers}\n{names}\n{self._body_hash}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request_middle = (
            f" HTTP/1.1\r\n{lines}content-length: {len(self._body)}\r\n"
            f"authorization: AWS4-HMAC-SHA256 Credential={self._credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature="
        )
        self._request_end = "\r\n\r\n"
        # HMAC as RFC 2104 writes it: copying two hashes costs 0.6 us, hmac.copy() 1.1, hmac.digest() 1.7.
        key = signing_key(self._credentials.secret_key, scope).ljust(_SHA256_BLOCK, b"\0")
        string_to_sign_start = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n".encode()
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + string_to_sign_start)
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self._second = second
