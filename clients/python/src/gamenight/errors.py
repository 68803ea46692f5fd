"""Names what goes wrong. Only what a person has to mend leaves ``events``; the rest is tried again."""

import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager


class GameNightError(Exception):
    """What a program can't go on from by itself. The message says what happened and what to do."""


class TokenRefused(GameNightError):
    """There is no token that the service accepts: it refuses the one it got, or none could be sent."""


class WrongAddress(GameNightError):
    """There is no Game Night Live at this address."""


class NoCursors(GameNightError):
    """The file that was named for cursors can't be one: it holds something else, or has no folder."""


class Refused(GameNightError):
    """The service has answered a request with an error. ``code`` is stable, ``detail`` is for people."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{detail} (HTTP {status}, {code})")
        self.status = status
        self.code = code
        self.detail = detail


class Dropped(Exception):
    """The connection is of no use any more; another one may be. It never leaves the package."""


@contextmanager
def expected_shape() -> Iterator[None]:
    """Treat an answer that is JSON of another shape as none: a proxy may have made it up. Raises Dropped."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as odd:
        raise Dropped(f"an answer is not as it should be: {odd!r}") from odd


def said(problem: Exception) -> str:
    """Return what an error says, for a log."""
    if isinstance(problem, urllib.error.URLError):
        return str(problem.reason)  # by itself, it is about urllib
    return str(problem) or type(problem).__name__
