"""Which answers are worth another attempt, and when it is made.

Counting attempts and waiting are ``delivery``'s.
"""

from collections.abc import Callable
from dataclasses import dataclass

TOO_MANY_REQUESTS = 429
GONE = 410


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``attempts`` posts to a recipient, with exponential backoff and full jitter between them.

    The defaults wait 3.1 seconds together at most, 1.55 on average, for a client's buffer to drain or an
    account's rate to recover.
    """

    attempts: int = 6
    base_seconds: float = 0.1
    cap_seconds: float = 2.0

    def __post_init__(self) -> None:
        """Raise ValueError where there is no first attempt, or a wait is negative."""
        if self.attempts < 1 or self.base_seconds < 0 or self.cap_seconds < 0:
            raise ValueError(f"A retry policy needs one attempt or more and no negative seconds; got {self}.")

    def delay(self, attempts_made: int, random: Callable[[], float]) -> float:
        """Return the seconds to wait after a number of attempts; ``random`` gives 0 <= x < 1.

        Why the jitter is full: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        """
        return random() * min(self.cap_seconds, self.base_seconds * 2.0 ** (attempts_made - 1))


def may_pass(status: int) -> bool:
    """Whether the same post may succeed later: throttled (429), or the service's own fault (5xx)."""
    return status == TOO_MANY_REQUESTS or status >= 500  # noqa: PLR2004 - the class of server errors
