"""Finds the host, scheme and path prefix that a client used, also behind proxies.

On AWS no proxy is in front of API Gateway, and it sets X-Forwarded-Proto itself.
"""

import re

from infra.local.apigateway.asgi import Pairs

HOST = re.compile(r"([a-z\d._-]+|\[[a-f\d:.]+\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
PREFIX = re.compile(r"(/[\w.~-]+)*", re.ASCII)
TAKEN_UP = ("host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix")


def as_the_client_asked(headers: Pairs) -> Pairs:
    """Return the headers with the host, the scheme and the path prefix that the client used.

    Missing and invalid values become ``localhost``, ``http`` and no prefix.
    """
    said = {name: value.partition(",")[0].strip() for name, value in reversed(headers) if name in TAKEN_UP}
    hosts = (said.get("x-forwarded-host"), said.get("host"), "localhost")
    host = next(host for host in hosts if host and HOST.fullmatch(host))
    tls = said.get("x-forwarded-proto", "").lower() in ("https", "wss")
    prefix = said.get("x-forwarded-prefix", "").rstrip("/")
    asked = [("host", host), ("x-forwarded-proto", "https" if tls else "http")]
    if prefix and PREFIX.fullmatch(prefix):
        asked.append(("x-forwarded-prefix", prefix))
    return [*asked, *(pair for pair in headers if pair[0] not in TAKEN_UP)]
