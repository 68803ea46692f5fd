"""Decides which failed calls are retried, when, and whether the caller's time allows it."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

RETRYABLE_ERRORS = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",  # by SQS
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""

CONDITION_FAILED = "ConditionalCheckFailed"
RETRYABLE_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""


class ConditionFailed(Exception):
    """A write's condition does not hold. ``args`` may be the codes of a transaction's CancellationReasons."""


def is_retryable_error(code: str, reasons: Sequence[str] = ()) -> bool:
    """Return whether a call may succeed later. ``reasons`` are the codes of its CancellationReasons."""
    failed = set(reasons) - {"None"}
    return code in RETRYABLE_ERRORS or (bool(failed) and failed <= RETRYABLE_REASONS)


def is_retryable_status(status: int) -> bool:
    """Return whether a status means throttling (429) or an error of the service (5xx)."""
    return status == 429 or status >= 500  # noqa: PLR2004


class RetryPolicy(msgspec.Struct, frozen=True):
    """Exponential backoff with full jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ says why it is full.
    """

    attempts: int
    base_seconds: float
    cap_seconds: float

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.base_seconds < 0 or self.cap_seconds < 0:
            raise ValueError(f"A retry policy needs one attempt or more and no negative seconds; got {self}.")

    def delay(self, attempts_made: int, random: Callable[[], float] = random.random) -> float:
        """Return the seconds to wait after a number of attempts. ``random`` gives 0 <= x < 1."""
        return random() * min(self.cap_seconds, self.base_seconds * 2.0 ** (attempts_made - 1))

    def next_delay(self, attempts_made: int, left: float) -> float | None:
        """Return that delay; None if no attempt is left, or the delay takes all ``left`` seconds."""
        delay = self.delay(attempts_made)
        return delay if attempts_made < self.attempts and delay < left else None


class TimeBudget:
    """The caller's time: as ``begin`` set it, else always ``patience`` seconds. ``monotonic`` is a clock."""

    def __init__(self, patience: float = math.inf, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._end: float | None = None

    def begin(self, seconds: float | None) -> None:
        """Begin an invocation with so many seconds; None if their number is unknown."""
        self._end = None if seconds is None else self._monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left; 0 or less if none are."""
        return self._patience if self._end is None else self._end - self._monotonic()


PATIENCE_SECONDS = 10.0
"""One call takes no longer, even if the caller has more time: API Gateway gives up after 29 s."""

RACES = RetryPolicy(attempts=1000, base_seconds=0.004, cap_seconds=0.25)
"""For a lost race: the winner is done in milliseconds."""

LOAD = RetryPolicy(attempts=20, base_seconds=0.025, cap_seconds=1.0)
"""For a store that throttles, fails or does not answer: seconds may pass until it recovers."""


class Backoff(msgspec.Struct, frozen=True):
    """Waits between attempts with full jitter: after equal waits, the losers of a race would race again."""

    policy: RetryPolicy = RACES
    budget: TimeBudget = msgspec.field(default_factory=lambda: TimeBudget(PATIENCE_SECONDS))
    random: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def attempts(self) -> Iterator[int]:
        """Yield 1, 2, 3, ... with a wait before each but the first.

        Ends when the attempts are used up, or when the next wait would outlast the budget.
        """
        until = self.monotonic() + self.budget.left()
        for attempt in range(1, self.policy.attempts):
            yield attempt
            delay = self.policy.delay(attempt, self.random)
            if self.monotonic() + delay >= until:
                return
            self.sleep(delay)
        yield self.policy.attempts
