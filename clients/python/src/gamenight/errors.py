"""Defines the errors. ``events`` raises only those that a person has to fix, and retries the rest."""

import ssl
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager

TOO_MANY_REQUESTS = 429

NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
"""The errors of old and new OpenSSL versions for an answer in plain text."""

HTTP_ONLY = "the address is http, not https"


class GameNightError(Exception):
    """The base of all errors. The message says what happened and what to do."""


class TokenRefused(GameNightError):
    """The service refuses the token, or there is none to send."""


class WrongAddress(GameNightError):
    """There is no Game Night Live at this address."""


class NoCursors(GameNightError):
    """The file for cursors can't be used, because of what it holds, who uses it, or where it is."""


class Refused(GameNightError):
    """The service answered a request with an error. ``code`` is stable, ``detail`` is for people.

    ``retry_after`` is the time in seconds to wait before the next request, 0 if the service names none.
    """

    def __init__(self, status: int, code: str, detail: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{detail} (HTTP {status}, {code})")
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after

    @property
    def foreign(self) -> bool:
        """Whether something else than the service has answered, as at a wrong address.

        A gateway before the service answers 429 and 5xx in its own way too.
        """
        return self.code in ("unknown", "no_json") and self.status < TOO_MANY_REQUESTS


class Dropped(Exception):
    """The connection has failed; a new one may work. Internal to the package."""


@contextmanager
def expected_shape() -> Iterator[None]:
    """Raise Dropped for JSON of an unexpected shape: it may come from a proxy."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as odd:
        raise Dropped(f"an answer has an unexpected shape: {odd!r}") from odd


def said(problem: Exception) -> str:
    """Return an error's text, for a log."""
    reason = problem.reason if isinstance(problem, urllib.error.URLError) else problem
    if isinstance(reason, ssl.SSLError) and reason.reason in NO_TLS:
        return HTTP_ONLY
    if reason is not problem:
        return str(reason)  # its own text is about urllib
    return str(problem) or type(problem).__name__
